/* The daemon: owns every object and ties them together. One door for its state: daemon_set_state(). */
#pragma once

#include <systemd/sd-event.h>

#include "config/config.h"
#include "flow/control.h"
#include "flow/follower.h"
#include "flow/log_server.h"
#include "flow/publisher.h"
#include "flow/submit.h"
#include "service/leader.h"
#include "service/retention.h"

/* STARTING: no database yet, or lost. STANDBY: another daemon leads. LEADER. STOPPING: draining. */
#define DAEMON_STATES(X)                  X(STARTING, "starting") X(STANDBY, "standby") X(LEADER, "leader") X(STOPPING, "stopping")
#define DAEMON_STATE_CONSTANT(name, text) DAEMON_##name,
enum daemon_state { DAEMON_STATES(DAEMON_STATE_CONSTANT) DAEMON_STATE_END };

struct daemon {
	struct config *config;
	sd_event *loop;
	void *context; /* ZeroMQ */
	enum daemon_state state;
	bool ready;              /* READY=1 was sent */
	char trouble[FAULT_MAX]; /* why there is no database; "" when there is */
	enum store_synchronous synchronous;
	bool synchronous_seen; /* once, since the start: from then on it is missed */
	struct instant started_at;

	struct store *store;
	struct leader *leader;
	struct retention *retention;
	struct submit_server *submit;
	struct publisher *publisher;
	struct log_server *log;
	struct control_server *control;
	struct follower *followers[SOURCES_MAX];
	sd_event_source *drain_timer;
};

const char *daemon_state_text(enum daemon_state state);

/* Takes the config over. 0, or negative with a sentence. */
int daemon_new(struct config *config, struct daemon **ret, struct fault *fault);
struct daemon *daemon_free(struct daemon *daemon);
DEFINE_CLEANUP(struct daemon, daemon_free)

/* Runs until SIGTERM or SIGINT; returns the exit status. */
int daemon_run(struct daemon *daemon);

/* Reads the log level and the policy again (SIGHUP). */
void daemon_reload(struct daemon *daemon);

/* service/verbs.c: one control request. */
void daemon_control(void *owner, uint64_t token, const struct control_request *request);
/* A letter of an errand was decided (or dropped: work NULL); replies when it was the last. */
void daemon_errand(struct daemon *daemon, const struct letter *letter);
/* service/status.c: the status document as JSON; free() it. NULL: out of memory. */
char *daemon_status(const struct daemon *daemon);
