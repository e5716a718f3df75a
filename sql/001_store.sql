-- The bridge's own tables. Other programs read the views of schema cpps (003_views.sql) instead.
--
-- Roles: cpps_owner owns everything and migrates; cpps_bridge is the daemon, without DDL; cpps_reader sees the views only.
-- Rows are written by one leader at a time, many a transaction; every such transaction ends by calling cpps_store.fence().

DO $$
DECLARE role_name text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['cpps_owner', 'cpps_bridge', 'cpps_reader'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
		END IF;
	END LOOP;
END $$;

CREATE SCHEMA cpps_store AUTHORIZATION cpps_owner;
CREATE SCHEMA cpps AUTHORIZATION cpps_owner;
GRANT USAGE ON SCHEMA cpps_store TO cpps_bridge;
GRANT USAGE ON SCHEMA cpps TO cpps_bridge, cpps_reader;
SET LOCAL ROLE cpps_owner;

-- The term: one row a stream, changed only by a takeover.
CREATE TABLE cpps_store.term (
	stream text PRIMARY KEY,
	epoch bigint NOT NULL,
	taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The leader's lease, renewed each second; a standby terminates the backend of one that is three seconds old.
CREATE TABLE cpps_store.lease (
	stream text PRIMARY KEY,
	epoch bigint NOT NULL,
	pid integer NOT NULL,                  -- of the writer's backend
	backend_start timestamptz NOT NULL,
	renewed_at timestamptz NOT NULL,
	endpoints text[] NOT NULL DEFAULT '{}' -- where the leader serves its log, for NOT_LEADER answers
);

-- The log: one row a transaction, append only. Arrays have one entry a record.
CREATE TABLE cpps_store.batch (
	first_seq bigint PRIMARY KEY,
	last_seq bigint NOT NULL,
	epoch bigint NOT NULL,
	recorded_at timestamptz NOT NULL,
	topics text[] NOT NULL,
	refs text[] NOT NULL,      -- order or case; NULL: none
	prns text[] NOT NULL,
	causes text[] NOT NULL,    -- id of the causing event; NULL: time alone
	ends integer[] NOT NULL,   -- end offset of each record in `records`
	records bytea NOT NULL,    -- CloudEvents in the protobuf format, one behind the other
	CHECK (last_seq >= first_seq)
);
ALTER TABLE cpps_store.batch ALTER COLUMN records SET STORAGE EXTERNAL;

CREATE TABLE cpps_store.person (
	prn text PRIMARY KEY,
	merged_into text,
	known boolean NOT NULL,
	ows_reviewed_on date,
	cso9_completed_on date,
	on_ows boolean,
	assessed_at timestamptz
);
CREATE INDEX person_merged_into ON cpps_store.person (merged_into) WHERE merged_into IS NOT NULL;

-- One row an order, with its allocation steps as arrays.
CREATE TABLE cpps_store.request (
	order_ref text PRIMARY KEY,
	prn text NOT NULL,              -- the surviving number
	filed_prn text NOT NULL,        -- the number the order was recorded under
	order_type smallint NOT NULL,
	office text NOT NULL,
	named_office text NOT NULL,     -- the office the court or prison named last (R8)
	place text,
	state smallint NOT NULL,
	officer_id text,
	recommended_officer_id text,
	allocated_at timestamptz,
	in_effect boolean NOT NULL,
	final boolean NOT NULL,
	scheduled_on date,
	effective_on date,
	starts_on date,
	ends_on date,
	child_sex_offence boolean,
	conditions text,
	documents smallint NOT NULL,
	applied_at timestamptz,
	requested_at timestamptz,
	due_at timestamptz,
	first_report_by timestamptz,
	level smallint NOT NULL,
	next_alarm timestamptz,
	opened_seq bigint NOT NULL,     -- order of opening within a file
	steps smallint[] NOT NULL,
	step_states smallint[] NOT NULL,
	step_roles smallint[] NOT NULL,
	step_titles text[] NOT NULL,
	step_opened_at timestamptz[] NOT NULL,
	step_due_at timestamptz[] NOT NULL,
	step_closed_at timestamptz[] NOT NULL,
	step_levels smallint[] NOT NULL
);
CREATE INDEX request_prn ON cpps_store.request (prn);
CREATE INDEX request_next_alarm ON cpps_store.request (next_alarm) WHERE next_alarm IS NOT NULL;

CREATE TABLE cpps_store.ptp_case (
	ptp_ref text PRIMARY KEY,
	order_ref text NOT NULL,
	version integer NOT NULL,
	stage smallint NOT NULL,
	state smallint NOT NULL,
	outcomes integer NOT NULL,
	approved boolean NOT NULL,
	area_supports boolean,
	region_supports boolean,
	monitoring smallint NOT NULL,
	em_criteria_met boolean,
	residential_restrictions boolean,
	em_approval smallint NOT NULL,
	starts_on date,
	ends_on date,
	suitability text,
	considered_by text,
	opened_at timestamptz NOT NULL,
	entered_at timestamptz NOT NULL,
	applied_at timestamptz,
	expiring_published boolean NOT NULL,
	task_step smallint NOT NULL,
	task_state smallint NOT NULL,
	task_role smallint NOT NULL,
	task_title text,
	task_opened_at timestamptz,
	task_due_at timestamptz,
	task_closed_at timestamptz,
	task_level smallint NOT NULL
);
CREATE INDEX ptp_case_order_ref ON cpps_store.ptp_case (order_ref);

-- What was done in a PTP case, one row a ptp.* record (who did what when, under which rule), append only.
CREATE TABLE cpps_store.ptp_history (
	seq bigint PRIMARY KEY,
	ptp_ref text NOT NULL,
	name smallint NOT NULL,        -- record name
	happened_at timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL,
	from_stage smallint,
	to_stage smallint,
	outcome smallint,
	state smallint,
	by_role smallint,
	by text,
	guard smallint,
	rule text,
	cause text
);
CREATE INDEX ptp_history_ptp_ref ON cpps_store.ptp_history (ptp_ref);

-- PTP tasks that were closed (the open one is in ptp_case), append only.
CREATE TABLE cpps_store.ptp_task (
	seq bigint PRIMARY KEY,        -- of the task record that closed it
	ptp_ref text NOT NULL,
	step smallint NOT NULL,
	title text,
	role smallint NOT NULL,
	state smallint NOT NULL,
	opened_at timestamptz,
	due_at timestamptz,
	closed_at timestamptz
);
CREATE INDEX ptp_task_ptp_ref ON cpps_store.ptp_task (ptp_ref);

-- The disposition of every accepted or parked event: it claims (source, id) (X1, X2). Free text is history: never in a view.
CREATE TABLE cpps_store.claim (
	source text NOT NULL,
	id text NOT NULL,
	content bytea NOT NULL,
	type smallint NOT NULL,
	disposition smallint NOT NULL, -- accepted or parked
	seq bigint NOT NULL,
	order_ref text,
	prn text,
	time timestamptz NOT NULL,
	decided_at timestamptz NOT NULL,
	submitter text,
	by text,
	by_role smallint NOT NULL,
	prose text,
	detail text,
	PRIMARY KEY (source, id)
);
CREATE INDEX claim_order_ref ON cpps_store.claim (order_ref) WHERE order_ref IS NOT NULL;
CREATE INDEX claim_decided_at ON cpps_store.claim USING brin (decided_at);

-- Events that wait for an order or case not yet known (X3).
CREATE TABLE cpps_store.parked (
	number bigint PRIMARY KEY,     -- order of arrival
	source text NOT NULL,
	id text NOT NULL,
	kind smallint NOT NULL,
	submitter text,
	waits_for text NOT NULL,
	opens text,                    -- the case it would open: what waits for that is not given up meanwhile (X3)
	parked_at timestamptz NOT NULL,
	counted_from timestamptz NOT NULL,
	next_alarm timestamptz,
	long_published boolean NOT NULL,
	raw bytea NOT NULL
);
CREATE INDEX parked_waits_for ON cpps_store.parked (waits_for, number);
CREATE INDEX parked_opens ON cpps_store.parked (opens, number) WHERE opens IS NOT NULL;
CREATE INDEX parked_next_alarm ON cpps_store.parked (next_alarm) WHERE next_alarm IS NOT NULL;

-- Events that were set aside, with their bytes (X4).
CREATE TABLE cpps_store.quarantined (
	number bigint PRIMARY KEY,
	source text,
	id text,
	type_text text,
	type smallint NOT NULL,
	time timestamptz,
	order_ref text,
	office text,
	opens text,                    -- the order or case it would open: what waits for that is not given up meanwhile (X3)
	kind smallint NOT NULL,
	submitter text,
	reason smallint NOT NULL,
	sentence text NOT NULL,
	raw_hash bytea NOT NULL,
	raw bytea,                     -- NULL: its source's quota was used up
	raw_size integer NOT NULL,
	state smallint NOT NULL,
	closed_by text,
	closed_reason text,
	quarantined_at timestamptz NOT NULL,
	closed_at timestamptz,
	next_alarm timestamptz,
	seq bigint NOT NULL
);
CREATE INDEX quarantined_raw_hash ON cpps_store.quarantined (raw_hash, number);
CREATE INDEX quarantined_source_id ON cpps_store.quarantined (source, id, number) WHERE source IS NOT NULL;
CREATE INDEX quarantined_opens ON cpps_store.quarantined (opens, number) WHERE state = 1 AND opens IS NOT NULL;
CREATE INDEX quarantined_held ON cpps_store.quarantined (number) WHERE state = 1;
CREATE INDEX quarantined_next_alarm ON cpps_store.quarantined (next_alarm) WHERE next_alarm IS NOT NULL;

-- How far each source stream has been taken, in the same transaction as its events' effects (X5).
CREATE TABLE cpps_store.source_position (
	source text PRIMARY KEY,       -- name of the source in the config
	stream text NOT NULL,
	epoch bigint NOT NULL,
	seq bigint NOT NULL,
	head bigint NOT NULL,
	taken_at timestamptz NOT NULL
);

CREATE TABLE cpps_store.consumer_position (
	name text PRIMARY KEY,
	confirmed bigint NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The comparisons with IOMS's list of live orders (R11).
CREATE TABLE cpps_store.reconciliation (
	at timestamptz PRIMARY KEY,
	agreed boolean NOT NULL,
	differences integer NOT NULL,
	by text
);

-- The clock of a test bridge: how far it runs ahead.
CREATE TABLE cpps_store.clock (
	stream text PRIMARY KEY,
	ahead interval NOT NULL
);

-- Ends every transaction of the leader: raises unless `epoch` is the term's and `first` follows the last record, so that what a former leader
-- sends is rolled back whole (X5). Locks the term against a takeover until the commit. A transaction without records passes first = last + 1.
-- SQLSTATE CP001: the term is over. CP002: the sequence does not follow.
CREATE FUNCTION cpps_store.fence(in_stream text, in_epoch bigint, in_first bigint, in_last bigint, in_recorded_at timestamptz,
	in_topics text[], in_refs text[], in_prns text[], in_causes text[], in_ends integer[], in_records bytea) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	current_epoch bigint;
	head bigint;
BEGIN
	SELECT epoch INTO current_epoch FROM cpps_store.term WHERE stream = in_stream FOR SHARE;
	IF current_epoch IS DISTINCT FROM in_epoch THEN
		RAISE EXCEPTION 'the term of epoch % is over: epoch % leads stream %', in_epoch, current_epoch, in_stream
			USING ERRCODE = 'CP001';
	END IF;
	SELECT coalesce(max(last_seq), 0) INTO head FROM cpps_store.batch;
	IF in_first <> head + 1 THEN
		RAISE EXCEPTION 'record % does not follow the head %', in_first, head USING ERRCODE = 'CP002';
	END IF;
	IF in_last >= in_first THEN
		INSERT INTO cpps_store.batch VALUES (in_first, in_last, in_epoch, in_recorded_at, in_topics, in_refs, in_prns,
			in_causes, in_ends, in_records);
	END IF;
END $$;
CREATE UNIQUE INDEX batch_last_seq ON cpps_store.batch (last_seq);

-- Tries to lead: the advisory lock, the epoch and the lease in one statement, so that a process that is stopped half way has its session's pid in the
-- lease. Where another session holds the lock, says whose lease it is and whether it has run out. SQLSTATE CP003: the database is another stream's.
-- An error may leave the session holding the lock: close the session.
CREATE FUNCTION cpps_store.take_term(in_stream text, in_pid integer, in_backend_start timestamptz, in_endpoints text[],
	OUT leads boolean, OUT epoch bigint, OUT pid integer, OUT backend_start timestamptz, OUT expired boolean, OUT endpoints text[])
LANGUAGE plpgsql AS $$
DECLARE
	other text;
BEGIN
	SELECT t.stream INTO other FROM cpps_store.term t WHERE t.stream <> in_stream LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the database belongs to stream %, not to stream %', other, in_stream USING ERRCODE = 'CP003';
	END IF;
	leads := pg_try_advisory_lock(1668313203, 1); -- 'cpps'
	IF leads THEN
		INSERT INTO cpps_store.term AS t VALUES (in_stream, extract(epoch FROM clock_timestamp())::bigint, clock_timestamp())
			ON CONFLICT (stream) DO UPDATE SET epoch = greatest(t.epoch + 1, excluded.epoch), taken_at = excluded.taken_at
			RETURNING t.epoch INTO take_term.epoch;
		INSERT INTO cpps_store.lease VALUES (in_stream, take_term.epoch, in_pid, in_backend_start, clock_timestamp(), in_endpoints)
			ON CONFLICT (stream) DO UPDATE SET epoch = excluded.epoch, pid = excluded.pid, backend_start = excluded.backend_start,
				renewed_at = excluded.renewed_at, endpoints = excluded.endpoints;
	END IF;
	SELECT l.epoch, l.pid, l.backend_start, l.renewed_at <= clock_timestamp() - interval '3 seconds', l.endpoints
		INTO take_term.epoch, take_term.pid, take_term.backend_start, expired, take_term.endpoints
		FROM cpps_store.lease l WHERE l.stream = in_stream;
END $$;

-- Deletes what need not be kept any longer, a slice of it: at most in_rows rows of each kind, so that nobody waits for long.
--
-- The log: batches older than in_log_days that every registered consumer has confirmed, and any older than in_cap_days; from the oldest on, so that what
-- is left has no hole, and never the newest, which the next one has to follow. Claims: decided, and of an event, so long ago that the event would be refused
-- as too old if it came again (X2); what is parked keeps its claim. Quarantined events: as long after they were closed; those held stay,
-- and so does the newest, for numbers go on from it.
CREATE FUNCTION cpps_store.retain(in_stream text, in_epoch bigint, in_now timestamptz, in_log_days integer, in_cap_days integer,
	in_claim_days integer, in_rows integer, OUT first bigint, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	kept_from timestamptz := in_now - in_claim_days * interval '24 hours';
	confirmed bigint;
	n bigint;
BEGIN
	PERFORM FROM cpps_store.term t WHERE t.stream = in_stream AND t.epoch = in_epoch FOR SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the term of epoch % is over', in_epoch USING ERRCODE = 'CP001';
	END IF;
	SELECT min(c.confirmed) INTO confirmed FROM cpps_store.consumer_position c;
	DELETE FROM cpps_store.batch WHERE first_seq = ANY (ARRAY(
		SELECT b.first_seq FROM cpps_store.batch b
		WHERE b.first_seq < (SELECT max(m.first_seq) FROM cpps_store.batch m)
			AND b.recorded_at < in_now - in_log_days * interval '24 hours'
			AND (confirmed IS NULL OR b.last_seq <= confirmed OR b.recorded_at < in_now - in_cap_days * interval '24 hours')
		ORDER BY b.first_seq LIMIT in_rows));
	GET DIAGNOSTICS n = ROW_COUNT;
	more := n = in_rows;
	DELETE FROM cpps_store.claim WHERE ctid = ANY (ARRAY(
		SELECT c.ctid FROM cpps_store.claim c WHERE c.decided_at < kept_from AND c.time < kept_from AND c.disposition <> 2 LIMIT in_rows));
	GET DIAGNOSTICS n = ROW_COUNT;
	more := more OR n = in_rows;
	DELETE FROM cpps_store.quarantined WHERE number = ANY (ARRAY(
		SELECT q.number FROM cpps_store.quarantined q
		WHERE q.closed_at < kept_from AND q.state <> 1 AND q.number < (SELECT max(m.number) FROM cpps_store.quarantined m)
		ORDER BY q.closed_at LIMIT in_rows));
	GET DIAGNOSTICS n = ROW_COUNT;
	more := more OR n = in_rows;
	SELECT coalesce(min(b.first_seq), 1) INTO first FROM cpps_store.batch b;
END $$;
REVOKE ALL ON FUNCTION cpps_store.retain(text, bigint, timestamptz, integer, integer, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cpps_store.retain(text, bigint, timestamptz, integer, integer, integer, integer) TO cpps_bridge;
CREATE INDEX quarantined_closed_at ON cpps_store.quarantined (closed_at) WHERE closed_at IS NOT NULL;

RESET ROLE;

-- Whether a synchronous standby streams, for which commits wait; NULL: its owner may not see that. Its owner is whoever migrates, for cpps_owner
-- sees of other sessions no more than that they exist: a superuser, or a member of pg_read_all_stats.
CREATE FUNCTION cpps_store.synchronous() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN current_setting('synchronous_standby_names') = '' THEN false
		WHEN NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') THEN NULL
		ELSE EXISTS (SELECT FROM pg_stat_replication r WHERE r.state = 'streaming' AND r.sync_state IN ('sync', 'quorum'))
	END
$$;
REVOKE ALL ON FUNCTION cpps_store.synchronous() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cpps_store.synchronous() TO cpps_bridge;
