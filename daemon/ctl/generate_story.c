/* What happens: one function a happening, each sends its letter and plans what follows from it. */
#include "ctl/generate_world.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define HOUR           3600
#define FIRST_ES_ORDER 9 /* comes early, so that there is a PTP case to follow */

static struct dice *dice(struct world *world)
{
	return &world->dice;
}

/* ---- People and keys ---- */
static void put_prn(const struct world *world, struct letter *letter, const char *name, uint32_t offender)
{
	/* 7919 has no factor in common with 90,000,000: no number comes twice. */
	uint64_t number = (world->first_number + (uint64_t)world->offenders[offender].number * 7919) % 90000000;

	letter_text(letter, name, "%llu", 10000000ULL + number);
}

static void put_order_ref(const struct world *world, struct letter *letter, const struct order *order)
{
	unsigned number = (world->first_number / 7 + order->number) % 1000000;

	if (order->type == ORDER_PAROLE || order->type == ORDER_COMPASSIONATE_RELEASE)
		letter_text(letter, "orderRef", "NZPB-%u-%06u", order->year, number);
	else if (order->type == ORDER_RELEASE_ON_CONDITIONS)
		letter_text(letter, "orderRef", "REL-%u-%06u", order->year, number);
	else
		letter_text(letter, "orderRef", "CRI-%u-%s-%06u-%u", order->year, office_rows[order->court].court_id,
			number, order->part);
}

static void put_office(struct letter *letter, const char *name, uint8_t office)
{
	letter_text(letter, name, "%s", office_rows[office].office);
}

static void put_officer(struct letter *letter, const char *name, int16_t officer)
{
	letter_text(letter, name, "PO-%s-%03d", office_rows[officer / 64].code, officer % 64 + 1);
}

static int16_t some_officer(struct world *world, uint8_t office)
{
	return (int16_t)(office * 64 + (int)dice_below(dice(world), 4 + office_rows[office].weight * 2));
}

/* The role and the person of an office who act in it. */
static void put_actor(struct letter *letter, enum role role, uint8_t office)
{
	static const char *const initials[ROLE_END] = {
		[ROLE_SERVICE_MANAGER] = "SM",
		[ROLE_AREA_MANAGER] = "AM",
		[ROLE_REGIONAL_MANAGER] = "RM",
		[ROLE_ES_OPERATIONS_ADVISER] = "ESOA",
		[ROLE_ES_COORDINATOR] = "ESC",
		[ROLE_ASSISTANT_GENERAL_MANAGER] = "AGM",
		[ROLE_GENERAL_MANAGER] = "GM",
		[ROLE_ADMINISTRATION_OFFICER] = "AO",
	};

	letter_text(letter, "byRole", "%s", role_text(role));
	letter_text(letter, "by", "%s-%s", initials[role],
		role < ROLE_ES_OPERATIONS_ADVISER || role == ROLE_ADMINISTRATION_OFFICER ? office_rows[office].code
											 : "HO");
}

static uint32_t new_offender(struct world *world)
{
	struct offender *offenders =
		world_grow(world, world->offenders, world->offender_count, &world->offender_room, sizeof(*offenders));

	if (!offenders)
		return 0;
	world->offenders = offenders;
	offenders[world->offender_count] = (struct offender){
		.number = (uint32_t)world->offender_count,
		.office = (uint8_t)dice_pick(dice(world), office_weights, OFFICES),
		.officer = -1,
	};
	return (uint32_t)world->offender_count++;
}

/* One in five new orders is of someone who already has one. */
static uint32_t some_offender(struct world *world)
{
	if (world->offender_count > 10 && dice_chance(dice(world), 200)) {
		uint32_t known = dice_below(dice(world), (uint32_t)world->offender_count);

		if (!world->offenders[known].retired)
			return known;
	}
	return new_offender(world);
}

/* ---- Orders ---- */
static void draw_conditions(struct world *world, struct order *order)
{
	order->conditions = (uint8_t)(dice_next(dice(world)) & dice_next(dice(world)) & 0xff);
}

static enum tri draw_cso(struct world *world, enum order_type type)
{
	if (type == ORDER_EXTENDED_SUPERVISION_ORDER)
		return dice_chance(dice(world), 800) ? TRI_YES : TRI_NO;
	if (dice_chance(dice(world), 35))
		return TRI_UNKNOWN;
	return dice_chance(dice(world), 40) ? TRI_YES : TRI_NO;
}

static uint16_t year_of(struct date date)
{
	int year, month, day;

	date_parts(date, &year, &month, &day);
	return (uint16_t)year;
}

static uint32_t new_order(struct world *world, uint32_t offender, enum order_type type, uint32_t number, uint8_t part)
{
	struct order *orders =
			     world_grow(world, world->orders, world->order_count, &world->order_room, sizeof(*orders)),
		     *order;

	if (!orders)
		return 0;
	world->orders = orders;
	order = &orders[world->order_count];
	*order = (struct order){
		.offender = offender,
		.number = number,
		.part = part,
		.year = (uint16_t)(year_of(world_date(world, world->now)) + number / 1000000),
		.type = type,
		.office = world->offenders[offender].office,
		.named = world->offenders[offender].office,
		.court = world->offenders[offender].office,
		.officer = -1,
		.cso = draw_cso(world, type),
		.effective_on = DATE_NONE,
		.starts_on = DATE_NONE,
		.ends_on = DATE_NONE,
	};
	draw_conditions(world, order);
	return (uint32_t)world->order_count++;
}

static void draw_dates(struct world *world, struct order *order, struct date effective_on)
{
	const struct type_row *row = &type_rows[order->type];
	int months = (int)dice_between(dice(world), row->least_months, row->most_months), wait = 0;

	if (order->type == ORDER_EXTENDED_SUPERVISION_ORDER)
		wait = (int)dice_between(dice(world), 0, 200);
	order->effective_on = effective_on;
	order->starts_on = date_plus(effective_on, wait);
	order->ends_on = date_plus_months(order->starts_on, months);
}

static bool from_prison(const struct order *order)
{
	return type_rows[order->type].sent_by == SOURCE_PRISON;
}

static uint8_t papers(const struct order *order)
{
	if (from_prison(order))
		return 1 << DOCUMENT_LICENCE | 1 << DOCUMENT_CONDITIONS | 1 << DOCUMENT_RELEASE_NOTICE;
	return 1 << DOCUMENT_SENTENCE_ORDER;
}

static void put_key(const struct world *world, struct letter *letter, const struct order *order)
{
	put_prn(world, letter, "prn", order->offender);
	put_order_ref(world, letter, order);
	letter_text(letter, "orderType", "%s", order_type_text(order->type));
}

static void put_place(struct letter *letter, const struct order *order)
{
	put_office(letter, "office", order->named);
	if (from_prison(order))
		letter_text(letter, "prison", "%s", prison_names[order->number % PRISONS]);
	else
		letter_text(letter, "court", "%s", office_rows[order->court].court);
}

static void put_conditions(struct letter *letter, uint8_t conditions)
{
	char list[FIELD_TEXT] = "";
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(condition_codes); i++)
		if (conditions >> i & 1)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s\"%s\"", n ? "," : "", condition_codes[i]);
	if (n)
		letter_bare(letter, "conditions", "[%s]", list);
}

/* The order as it stands: of imposed, released, varied and baseline alike. */
static void put_order(const struct world *world, struct letter *letter, const struct order *order)
{
	put_key(world, letter, order);
	letter_date(letter, from_prison(order) ? "releasedOn" : "imposedOn", order->effective_on);
	letter_date(letter, "startsOn", order->starts_on);
	letter_date(letter, "endsOn", order->ends_on);
	put_place(letter, order);
	if (order->cso != TRI_UNKNOWN)
		letter_bare(letter, "childSexOffence", order->cso == TRI_YES ? "true" : "false");
	put_conditions(letter, order->conditions);
}

/* ---- An order is made ---- */

/* Three papers of three places, each soon after the order, the release papers a little before it. */
static void plan_papers(struct world *world, uint32_t subject, moment from)
{
	uint8_t wanted = papers(&world->orders[subject]);

	for (uint32_t document = 1; document < DOCUMENT_END; document++) {
		moment at = from + dice_between(dice(world), HOUR / 4, 9 * HOUR);

		if (wanted >> document & 1 && !dice_chance(dice(world), 25))
			world_plan(world, at, at, HAPPENS_DOCUMENT, subject, document);
	}
}

static void plan_corrections(struct world *world, uint32_t subject)
{
	const struct order *order = &world->orders[subject];

	if (world_rare(world, RARE_VARY))
		world_plan_in(world, dice_between(dice(world), 6 * HOUR, 32 * HOUR), HAPPENS_VARY, subject, 0);
	if (world_rare(world, RARE_TRANSFER))
		world_plan_in(world, dice_between(dice(world), 10 * HOUR, 36 * HOUR), HAPPENS_TRANSFER, subject, 0);
	if (!from_prison(order) && order->type != ORDER_EXTENDED_SUPERVISION_ORDER && world_rare(world, RARE_CANCEL))
		world_plan_in(world, dice_between(dice(world), 4 * HOUR, 30 * HOUR), HAPPENS_CANCEL, subject, 0);
	if (order->type == ORDER_PAROLE && world_rare(world, RARE_RECALL))
		world_plan_in(world, dice_between(dice(world), 8 * HOUR, 32 * HOUR), HAPPENS_RECALL, subject, 0);
	if (from_prison(order) && world_rare(world, RARE_UNDONE))
		world_plan_in(world, dice_between(dice(world), 4 * HOUR, 16 * HOUR), HAPPENS_RELEASE_OFF, subject, 0);
	if (!order->varied && world_rare(world, RARE_COPY))
		world_plan_in(world, dice_between(dice(world), HOUR / 2, 2 * HOUR), HAPPENS_COPY, subject, 0);
}

static void plan_work(struct world *world, uint32_t subject)
{
	const struct order *order = &world->orders[subject];

	if (order->officer < 0 && !dice_chance(dice(world), 40))
		world_plan_in(world, dice_between(dice(world), HOUR / 2, 14 * HOUR), HAPPENS_ALLOCATE, subject, 0);
	if (dice_chance(dice(world), 930))
		world_plan_in(world, dice_between(dice(world), HOUR / 2, 12 * HOUR), HAPPENS_TASK, subject, 4);
	if (dice_chance(dice(world), 900))
		world_plan_in(world, dice_between(dice(world), HOUR, 20 * HOUR), HAPPENS_TASK, subject, 5);
	if (dice_chance(dice(world), 850))
		world_plan_in(world, dice_between(dice(world), HOUR, 20 * HOUR), HAPPENS_ASSESS, order->offender, 0);
	if (order->cso == TRI_YES)
		world_plan_in(world, dice_between(dice(world), 2 * HOUR, 20 * HOUR), HAPPENS_CSO9, order->offender, 0);
	else if (order->cso == TRI_UNKNOWN && dice_chance(dice(world), 600))
		world_plan_in(world, dice_between(dice(world), 2 * HOUR, 20 * HOUR), HAPPENS_NOT_REQUIRED, subject, 7);
}

static void plan_paper_record(struct world *world, uint32_t subject)
{
	struct order *order = &world->orders[subject];

	if (!order->effective || order->paper_due || order->documents != papers(order))
		return;
	order->paper_due = true;
	if (dice_chance(dice(world), 920))
		world_plan_in(world, dice_between(dice(world), HOUR / 4, 8 * HOUR), HAPPENS_TASK, subject, 3);
}

static void plan_ptp(struct world *world, uint32_t subject)
{
	struct ptp *ptps;
	uint32_t number = (uint32_t)world->ptp_count;

	if (world->orders[subject].type != ORDER_EXTENDED_SUPERVISION_ORDER || !world_rare(world, RARE_PTP))
		return;
	ptps = world_grow(world, world->ptps, world->ptp_count, &world->ptp_room, sizeof(*ptps));
	if (!ptps)
		return;
	world->ptps = ptps;
	ptps[number] = (struct ptp){ .order = subject, .number = number, .last = PTP_ROWS };
	if (number % 3 == 1)
		ptps[number].last = (uint8_t)dice_between(dice(world), 3, 9);
	ptps[number].full_time = dice_chance(dice(world), 500);
	world->ptp_count++;
	world_plan_in(world, dice_between(dice(world), 4 * HOUR, 8 * HOUR), HAPPENS_PTP, number, 0);
}

static void plan_effect(struct world *world, uint32_t subject)
{
	moment at = world->now;
	int64_t late = world_rare(world, RARE_LATE) ? dice_between(dice(world), HOUR, 12 * HOUR) : 0;

	world_plan(world, at + late, at, HAPPENS_EFFECT, subject, 0);
	plan_papers(world, subject, at);
}

/* Announced first, or at once; its papers come by themselves. */
static void plan_order(struct world *world, uint32_t subject)
{
	const struct order *order = &world->orders[subject];
	moment effect = world->now + dice_between(dice(world), WORKING_DAY, 5 * WORKING_DAY);

	if (dice_chance(dice(world), type_rows[order->type].scheduled))
		world_plan_in(world, 0, HAPPENS_SCHEDULE, subject, (uint32_t)(effect / WORKING_DAY));
	else
		plan_effect(world, subject);
}

static enum order_type draw_type(struct world *world)
{
	return (enum order_type)dice_pick(dice(world), type_weights, ORDER_TYPE_END);
}

static void send_stray(struct world *world)
{
	struct order order = {
		.number = world->cases++,
		.part = 1,
		.year = year_of(world_date(world, world->now)),
		.type = ORDER_SUPERVISION,
		.court = (uint8_t)dice_pick(dice(world), office_weights, OFFICES),
	};
	struct letter letter;

	letter_begin(world, &letter, EVENT_DOCUMENT_RECEIVED, SOURCE_COURT, world->now);
	put_order_ref(world, &letter, &order);
	letter_text(&letter, "document", "%s", document_text(DOCUMENT_SENTENCE_ORDER));
	letter_date(&letter, "receivedOn", world_date(world, world->now));
	put_office(&letter, "receivedAt", order.court);
	letter_send(world, &letter);
}

/* The same person under a second number, found out a little later. */
static void plan_double(struct world *world, uint32_t offender)
{
	uint32_t other = dice_below(dice(world), (uint32_t)world->offender_count);

	if (other != offender && !world->offenders[other].retired)
		world_plan_in(world, dice_between(dice(world), 4 * HOUR, 14 * HOUR), HAPPENS_MERGE, offender, other);
}

static void happen_arrival(struct world *world, const struct item *item)
{
	uint32_t offender, number;
	enum order_type type;
	bool twin;

	(void)item;
	world_plan_in(
		world, dice_between(dice(world), world->gap / 2, world->gap + world->gap / 2), HAPPENS_ARRIVAL, 0, 0);
	if (world_rare(world, RARE_STRAY))
		send_stray(world);
	number = world->cases++;
	if (++world->arrivals == FIRST_ES_ORDER) {
		plan_effect(world, new_order(world, new_offender(world), ORDER_EXTENDED_SUPERVISION_ORDER, number, 1));
		return;
	}
	type = draw_type(world);
	twin = world_rare(world, RARE_MERGE);
	offender = twin ? new_offender(world) : some_offender(world);
	plan_order(world, new_order(world, offender, type, number, 1));
	if (twin)
		plan_double(world, offender);
	if (type == ORDER_SUPERVISION && dice_chance(dice(world), 150)) /* two sentences in one case */
		plan_order(world, new_order(world, offender, ORDER_COMMUNITY_WORK, number, 2));
}

static void happen_schedule(struct world *world, const struct item *item)
{
	struct order *order = &world->orders[item->subject];
	bool prison = from_prison(order);
	moment effect = (moment)item->detail * WORKING_DAY + dice_between(dice(world), 0, WORKING_DAY - HOUR);
	struct letter letter;

	if (effect <= world->now)
		effect = world->now + HOUR;
	letter_begin(world, &letter, prison ? EVENT_RELEASE_SCHEDULED : EVENT_SENTENCING_SCHEDULED,
		prison ? SOURCE_PRISON : SOURCE_COURT, item->time);
	put_key(world, &letter, order);
	letter_date(&letter, prison ? "releaseOn" : "sentencingOn", world_date(world, effect));
	put_place(&letter, order);
	letter_send(world, &letter);
	if (!order->announced && world_rare(world, RARE_MOVED)) {
		order->announced = true;
		world_plan_in(world, dice_between(dice(world), HOUR, 4 * HOUR), HAPPENS_SCHEDULE, item->subject,
			item->detail + 1);
		return;
	}
	order->announced = true;
	if (prison && world_rare(world, RARE_RELEASE_OFF)) {
		world_plan_in(
			world, dice_between(dice(world), 2 * HOUR, 8 * HOUR), HAPPENS_RELEASE_OFF, item->subject, 0);
		return;
	}
	if (dice_chance(dice(world), type_rows[order->type].preallocated))
		world_plan_in(world, dice_between(dice(world), HOUR / 2, effect - world->now + HOUR / 2),
			HAPPENS_ALLOCATE, item->subject, 0);
	world_plan(world, effect, effect, HAPPENS_EFFECT, item->subject, 0);
	plan_papers(world, item->subject, prison ? effect - (effect - world->now) / 2 : effect);
}

static void send_effect(struct world *world, const struct order *order, moment time)
{
	bool prison = from_prison(order);
	struct letter letter;

	letter_begin(world, &letter, prison ? EVENT_OFFENDER_RELEASED : EVENT_SENTENCE_IMPOSED,
		prison ? SOURCE_PRISON : SOURCE_COURT, time);
	put_order(world, &letter, order);
	letter_send(world, &letter);
}

static void happen_effect(struct world *world, const struct item *item)
{
	struct order *order = &world->orders[item->subject];

	if (order->closed)
		return;
	draw_dates(world, order, world_date(world, item->time));
	order->effective = true;
	world->offenders[order->offender].serves_cso |= order->cso == TRI_YES;
	send_effect(world, order, item->time);
	plan_work(world, item->subject);
	plan_corrections(world, item->subject);
	plan_paper_record(world, item->subject);
	plan_ptp(world, item->subject);
}

/* The same order once more, under another id: accepted without effect. */
static void happen_copy(struct world *world, const struct item *item)
{
	const struct order *order = &world->orders[item->subject];

	if (order->effective && !order->closed && !order->varied)
		send_effect(world, order, item->time);
}

/* ---- What follows ---- */
static void happen_document(struct world *world, const struct item *item)
{
	struct order *order = &world->orders[item->subject];
	bool scanned = dice_chance(dice(world), 250);
	struct letter letter;

	if (order->closed)
		return;
	order->documents |= (uint8_t)(1 << item->detail);
	letter_begin(world, &letter, EVENT_DOCUMENT_RECEIVED,
		scanned              ? SOURCE_TOOLS
		: from_prison(order) ? SOURCE_PRISON
				     : SOURCE_COURT,
		item->time);
	put_order_ref(world, &letter, order);
	letter_text(&letter, "document", "%s", document_text((enum document)item->detail));
	letter_date(&letter, "receivedOn", world_date(world, item->time));
	put_office(&letter, "receivedAt", order->office);
	letter_send(world, &letter);
	plan_paper_record(world, item->subject);
}

static void happen_assess(struct world *world, const struct item *item)
{
	struct letter letter;

	letter_begin(world, &letter, EVENT_OFFENDER_ASSESSED,
		dice_chance(dice(world), 250) ? SOURCE_PRISON : SOURCE_TOOLS, item->time);
	put_prn(world, &letter, "prn", item->subject);
	letter_date(&letter, "owsReviewedOn", world_date(world, item->time));
	letter_bare(&letter, "onOws", "%s", dice_chance(dice(world), 110) ? "true" : "false");
	letter_send(world, &letter);
}

static void happen_cso9(struct world *world, const struct item *item)
{
	struct letter letter;

	letter_begin(world, &letter, EVENT_OFFENDER_ASSESSED, SOURCE_TOOLS, item->time);
	put_prn(world, &letter, "prn", item->subject);
	letter_date(&letter, "cso9CompletedOn", world_date(world, item->time));
	letter_send(world, &letter);
}

/* Mostly with the officer who has the offender's other orders. */
static void choose_officer(struct world *world, struct order *order)
{
	struct offender *offender = &world->offenders[order->offender];
	bool same = offender->officer >= 0 && offender->officer / 64 == order->office && !dice_chance(dice(world), 80);

	order->officer = same ? offender->officer : some_officer(world, order->office);
	offender->officer = order->officer;
}

static void happen_allocate(struct world *world, const struct item *item)
{
	struct order *order = &world->orders[item->subject];
	struct letter letter;

	if (order->closed || (!order->announced && !order->effective))
		return;
	choose_officer(world, order);
	letter_begin(world, &letter, EVENT_ALLOCATION_RECORDED, SOURCE_TOOLS, item->time);
	put_order_ref(world, &letter, order);
	put_officer(&letter, "officerId", order->officer);
	put_actor(&letter, dice_chance(dice(world), 60) ? ROLE_AREA_MANAGER : ROLE_SERVICE_MANAGER, order->office);
	letter_send(world, &letter);
}

static void send_task(struct world *world, const struct item *item, enum task_outcome outcome, const char *reason)
{
	const struct order *order = &world->orders[item->subject];
	bool clerk = item->detail < 5 && !dice_chance(dice(world), 100);
	struct letter letter;

	letter_begin(world, &letter, EVENT_TASK_RECORDED, SOURCE_TOOLS, item->time);
	put_order_ref(world, &letter, order);
	letter_bare(&letter, "step", "%u", item->detail);
	letter_text(&letter, "outcome", "%s", task_outcome_text(outcome));
	put_actor(&letter, clerk ? ROLE_ADMINISTRATION_OFFICER : ROLE_SERVICE_MANAGER, order->office);
	if (reason)
		letter_text(&letter, "reason", "%s", reason);
	letter_send(world, &letter);
}

static bool workable(const struct world *world, uint32_t subject)
{
	const struct order *order = &world->orders[subject];

	return order->effective && !order->closed;
}

static void happen_task(struct world *world, const struct item *item)
{
	if (!workable(world, item->subject))
		return;
	if (item->detail == 4 && world_rare(world, RARE_NOT_REQUIRED)) {
		send_task(world, item, TASK_OUTCOME_NOT_REQUIRED, "the file is already open at this office");
		return;
	}
	send_task(world, item, TASK_OUTCOME_DONE, NULL);
	if (item->detail == 5 && world_rare(world, RARE_REOPEN))
		world_plan_in(world, dice_between(dice(world), HOUR, 8 * HOUR), HAPPENS_REOPEN, item->subject, 5);
}

static void happen_not_required(struct world *world, const struct item *item)
{
	const struct order *order = &world->orders[item->subject];

	if (workable(world, item->subject) && !world->offenders[order->offender].serves_cso && !order->varied)
		send_task(world, item, TASK_OUTCOME_NOT_REQUIRED, "no such offence in the court file");
}

static void happen_reopen(struct world *world, const struct item *item)
{
	if (!workable(world, item->subject))
		return;
	send_task(world, item, TASK_OUTCOME_REOPENED, "an address was recorded wrongly");
	world_plan_in(world, dice_between(dice(world), HOUR, 6 * HOUR), HAPPENS_TASK, item->subject, item->detail);
}

/* ---- Corrections ---- */
static const char *vary(struct world *world, struct order *order)
{
	switch (dice_below(dice(world), 4)) {
	case 0:
		order->named = order->office = (uint8_t)dice_pick(dice(world), office_weights, OFFICES);
		return "the offender has moved";
	case 1:
		draw_conditions(world, order);
		return "conditions reviewed";
	default:
		order->ends_on = date_plus(order->ends_on, (int)dice_between(dice(world), 14, 90));
		return "the end date was entered wrongly";
	}
}

static void happen_vary(struct world *world, const struct item *item)
{
	struct order *order = &world->orders[item->subject];
	bool prison = from_prison(order);
	struct letter letter;
	const char *reason;

	if (!workable(world, item->subject))
		return;
	order->varied = true;
	letter_begin(world, &letter, prison ? EVENT_RELEASE_VARIED : EVENT_SENTENCE_VARIED,
		prison ? SOURCE_PRISON : SOURCE_COURT, item->time);
	reason = vary(world, order);
	put_order(world, &letter, order);
	letter_text(&letter, "reason", "%s", reason);
	letter_send(world, &letter);
}

static void happen_transfer(struct world *world, const struct item *item)
{
	struct order *order = &world->orders[item->subject];
	uint8_t office = (uint8_t)dice_pick(dice(world), office_weights, OFFICES);
	struct letter letter;

	if (!workable(world, item->subject) || office == order->office)
		return;
	letter_begin(world, &letter, EVENT_TRANSFER_RECORDED, SOURCE_TOOLS, item->time);
	put_order_ref(world, &letter, order);
	put_office(&letter, "toOffice", office);
	put_actor(&letter, ROLE_SERVICE_MANAGER, order->office);
	letter_text(&letter, "reason", "the offender has moved");
	letter_send(world, &letter);
	order->office = office;
	world_plan_in(world, dice_between(dice(world), HOUR, 8 * HOUR), HAPPENS_ALLOCATE, item->subject, 0);
}

static void send_closing(struct world *world, const struct item *item, enum event_type type, enum source_kind source,
	const char *date, const char *reason)
{
	struct order *order = &world->orders[item->subject];
	struct letter letter;

	order->closed = true;
	letter_begin(world, &letter, type, source, item->time);
	put_order_ref(world, &letter, order);
	if (date)
		letter_date(&letter, date, world_date(world, item->time));
	letter_text(&letter, "reason", "%s", reason);
	letter_send(world, &letter);
}

static void happen_cancel(struct world *world, const struct item *item)
{
	if (!world->orders[item->subject].closed)
		send_closing(world, item, EVENT_SENTENCE_CANCELLED, SOURCE_COURT, "cancelledOn", "quashed on appeal");
}

static void happen_recall(struct world *world, const struct item *item)
{
	if (workable(world, item->subject))
		send_closing(world, item, EVENT_OFFENDER_RECALLED, SOURCE_PRISON, "recalledOn", "breach of conditions");
}

static void happen_release_off(struct world *world, const struct item *item)
{
	struct order *order = &world->orders[item->subject];
	bool again = !order->effective && dice_chance(dice(world), 500);

	if (order->closed)
		return;
	send_closing(world, item, EVENT_RELEASE_CANCELLED, SOURCE_PRISON, NULL,
		order->effective ? "the release was recorded in error" : "the board has deferred the release");
	if (!again)
		return;
	order->closed = false;
	world_plan_in(world, dice_between(dice(world), 4 * HOUR, 16 * HOUR), HAPPENS_SCHEDULE, item->subject,
		(uint32_t)(world->now / WORKING_DAY) + 4);
}

static void send_merge(struct world *world, const struct item *item, enum event_type type, const char *reason)
{
	struct letter letter;

	world->offenders[item->subject].retired = type == EVENT_OFFENDER_MERGED;
	letter_begin(world, &letter, type, SOURCE_PRISON, item->time);
	put_prn(world, &letter, "prn", item->subject);
	put_prn(world, &letter, "intoPrn", item->detail);
	letter_text(&letter, "reason", "%s", reason);
	letter_send(world, &letter);
}

static void happen_merge(struct world *world, const struct item *item)
{
	if (world->offenders[item->subject].retired || world->offenders[item->detail].retired)
		return;
	send_merge(world, item, EVENT_OFFENDER_MERGED, "two numbers for one person");
	if (world_rare(world, RARE_UNMERGE))
		world_plan_in(world, dice_between(dice(world), 4 * HOUR, 10 * HOUR), HAPPENS_UNMERGE, item->subject,
			item->detail);
}

static void happen_unmerge(struct world *world, const struct item *item)
{
	send_merge(world, item, EVENT_OFFENDER_UNMERGED, "merged by mistake: two people");
}

/* ---- PTP ---- */
static void put_ptp_ref(const struct world *world, struct letter *letter, const struct ptp *ptp)
{
	letter_text(letter, "ptpRef", "PTP-%u-%04u", world->orders[ptp->order].year,
		(world->first_number + ptp->number) % 10000);
}

static void put_particulars(struct world *world, struct letter *letter, const struct ptp *ptp)
{
	const struct order *order = &world->orders[ptp->order];

	put_ptp_ref(world, letter, ptp);
	put_prn(world, letter, "prn", order->offender);
	put_order_ref(world, letter, order);
	letter_text(letter, "monitoring", "%s",
		monitoring_text(ptp->full_time ? MONITORING_FULL_TIME : MONITORING_APPROVED_ABSENCES));
	letter_bare(letter, "emCriteriaMet", "true");
	letter_text(letter, "emApproval", "%s", em_approval_text(ptp->revised ? EM_APPROVED : EM_SOUGHT));
	letter_bare(letter, "residentialRestrictions", "true");
	letter_date(letter, "startsOn", order->starts_on);
	letter_date(letter, "endsOn", date_plus_months(order->starts_on, ptp->revised ? 12 : 9));
	letter_bare(letter, "suitability", ptp->revised ? "[\"C1\",\"C3\",\"C4\"]" : "[\"C1\",\"C4\"]");
}

static void send_particulars(struct world *world, const struct item *item, const struct ptp *ptp)
{
	struct letter letter;

	letter_begin(world, &letter, ptp->revised ? EVENT_PTP_REVISED : EVENT_PTP_CONSIDERED, SOURCE_TOOLS, item->time);
	put_particulars(world, &letter, ptp);
	put_officer(&letter, "by", world->orders[ptp->order].officer);
	if (ptp->revised)
		letter_text(&letter, "reason", "electronic monitoring was approved");
	letter_send(world, &letter);
}

static void send_stage(struct world *world, const struct item *item, const struct ptp *ptp, const struct ptp_row *row)
{
	const struct order *order = &world->orders[ptp->order];
	struct letter letter;

	letter_begin(world, &letter, EVENT_PTP_STAGE_RECORDED, SOURCE_TOOLS, item->time);
	put_ptp_ref(world, &letter, ptp);
	letter_bare(&letter, "stage", "%u", row->stage);
	letter_text(&letter, "outcome", "%s", ptp_outcome_text(row->outcome));
	if (row->role == ROLE_PROBATION_OFFICER) {
		letter_text(&letter, "byRole", "%s", role_text(row->role));
		put_officer(&letter, "by", order->officer);
	} else {
		put_actor(&letter, row->role, order->office);
	}
	letter_send(world, &letter);
}

static void send_imposition(struct world *world, const struct item *item, const struct ptp *ptp)
{
	const struct order *order = &world->orders[ptp->order];
	struct letter letter;

	letter_begin(world, &letter, EVENT_PTP_IMPOSITION_RECORDED, SOURCE_TOOLS, item->time);
	put_ptp_ref(world, &letter, ptp);
	letter_text(&letter, "outcome", "%s", ptp_imposition_text(IMPOSITION_IMPOSED));
	letter_text(&letter, "monitoring", "%s",
		monitoring_text(ptp->full_time ? MONITORING_FULL_TIME : MONITORING_APPROVED_ABSENCES));
	letter_bare(&letter, "residentialRestrictions", "true");
	letter_date(&letter, "startsOn", order->starts_on);
	letter_date(&letter, "endsOn", date_plus_months(order->starts_on, 12));
	letter_text(&letter, "by", "ESC-HO");
	letter_send(world, &letter);
}

/* detail: 0 = considered, 1 = a row of the procedure, 2 = the particulars revised, 3 = imposed. */
static void happen_ptp(struct world *world, const struct item *item)
{
	static const struct ptp_row withdrawn = { 0, ROLE_PROBATION_OFFICER, OUTCOME_WITHDRAWN };
	struct ptp *ptp = &world->ptps[item->subject];
	struct order *order = &world->orders[ptp->order];
	uint32_t next = 1;

	if (order->closed)
		return;
	if (order->officer < 0)
		order->officer = some_officer(world, order->office);
	if (item->detail == 0 || item->detail == 2) {
		ptp->revised = item->detail == 2;
		send_particulars(world, item, ptp);
	} else if (item->detail == 3) {
		send_imposition(world, item, ptp);
		return;
	} else if (ptp->next == ptp->last) {
		struct ptp_row row = withdrawn;

		row.stage = ptp_rows[ptp->next].stage;
		send_stage(world, item, ptp, &row);
		return;
	} else {
		send_stage(world, item, ptp, &ptp_rows[ptp->next++]);
		next = ptp->next == PTP_ROWS ? 3 : ptp->next == 5 ? 2 : 1;
	}
	world_plan_in(world, dice_between(dice(world), HOUR / 2, 3 * HOUR), HAPPENS_PTP, item->subject, next);
}

/* ---- Go-live: the stock ---- */
static struct order baseline_order(struct world *world, uint8_t office)
{
	uint32_t offender = new_offender(world);
	enum order_type type = draw_type(world);
	struct date day = world_date(world, world->now);
	int age = (int)dice_between(dice(world), 20, 120);
	struct order *order;
	uint32_t subject;

	world->offenders[offender].office = office;
	subject = new_order(world, offender, type, world->cases++, 1); /* moves the array */
	order = &world->orders[subject];
	order->effective = true;
	order->paper_due = true;
	order->documents = papers(order);
	draw_dates(world, order, date_plus(day, -age));
	order->starts_on = order->effective_on;
	order->year = year_of(order->effective_on);
	if (dice_chance(dice(world), 970))
		choose_officer(world, order);
	return *order;
}

static void put_papers(struct letter *letter, const struct order *order)
{
	if (from_prison(order))
		letter_bare(letter, "documents", "[\"LICENCE\",\"CONDITIONS\",\"RELEASE_NOTICE\"]");
	else
		letter_bare(letter, "documents", "[\"SENTENCE_ORDER\"]");
}

static void happen_baseline(struct world *world, const struct item *item)
{
	struct order order = baseline_order(world, (uint8_t)item->subject);
	struct letter letter;

	letter_begin(
		world, &letter, EVENT_ORDER_BASELINE, from_prison(&order) ? SOURCE_PRISON : SOURCE_COURT, item->time);
	put_order(world, &letter, &order);
	if (order.officer >= 0)
		put_officer(&letter, "officerId", order.officer);
	put_papers(&letter, &order);
	letter_send(world, &letter);
	plan_corrections(world, (uint32_t)world->order_count - 1);
}

void story_begin(struct world *world)
{
	world_plan(world, 0, 0, HAPPENS_ARRIVAL, 0, 0);
	for (uint32_t office = 0; office < OFFICES; office++) {
		int64_t orders = (4 + office_rows[office].weight) * (int64_t)450 / world->gap;

		for (int64_t i = 0; i < orders; i++)
			world_plan(world, office * 1800 + i * 1800 / orders, office * 1800 + i * 1800 / orders,
				HAPPENS_BASELINE, office, 0);
	}
}

void story_happen(struct world *world, const struct item *item)
{
	static void (*const happenings[HAPPENS_END])(struct world *, const struct item *) = {
		[HAPPENS_ARRIVAL] = happen_arrival,
		[HAPPENS_BASELINE] = happen_baseline,
		[HAPPENS_SCHEDULE] = happen_schedule,
		[HAPPENS_EFFECT] = happen_effect,
		[HAPPENS_DOCUMENT] = happen_document,
		[HAPPENS_ASSESS] = happen_assess,
		[HAPPENS_CSO9] = happen_cso9,
		[HAPPENS_ALLOCATE] = happen_allocate,
		[HAPPENS_TASK] = happen_task,
		[HAPPENS_NOT_REQUIRED] = happen_not_required,
		[HAPPENS_REOPEN] = happen_reopen,
		[HAPPENS_VARY] = happen_vary,
		[HAPPENS_TRANSFER] = happen_transfer,
		[HAPPENS_CANCEL] = happen_cancel,
		[HAPPENS_RECALL] = happen_recall,
		[HAPPENS_RELEASE_OFF] = happen_release_off,
		[HAPPENS_COPY] = happen_copy,
		[HAPPENS_MERGE] = happen_merge,
		[HAPPENS_UNMERGE] = happen_unmerge,
		[HAPPENS_PTP] = happen_ptp,
	};

	happenings[item->what](world, item);
}
