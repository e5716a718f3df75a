-- What other programs may rely on: the views of schema cpps, each column commented (`\d+ cpps.request`). Numbers such as R3 or X2 are those of the
-- rules in the README. Free text (reasons, notes) and raw payloads are in none of them. Times are timestamptz; dates are the law's, in New Zealand.

SET LOCAL ROLE cpps_owner;

-- The name of a stored number; NULL for 0, "not given". A unit test holds it against the program's own list.
CREATE FUNCTION cpps_store.word(kind text, number integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT (CASE kind
		WHEN 'order_type' THEN ARRAY['COMMUNITY_WORK', 'SUPERVISION', 'INTENSIVE_SUPERVISION', 'COMMUNITY_DETENTION',
			'HOME_DETENTION', 'EXTENDED_SUPERVISION_ORDER', 'POST_DETENTION_CONDITIONS', 'PAROLE',
			'RELEASE_ON_CONDITIONS', 'COMPASSIONATE_RELEASE']
		WHEN 'document' THEN ARRAY['SENTENCE_ORDER', 'LICENCE', 'CONDITIONS', 'RELEASE_NOTICE']
		WHEN 'role' THEN ARRAY['PROBATION_OFFICER', 'SENIOR_PROBATION_OFFICER', 'SERVICE_MANAGER', 'AREA_MANAGER',
			'REGIONAL_MANAGER', 'ES_OPERATIONS_ADVISER', 'ES_COORDINATOR', 'ASSISTANT_GENERAL_MANAGER',
			'GENERAL_MANAGER', 'ADMINISTRATION_OFFICER']
		WHEN 'request_state' THEN ARRAY['PLANNED', 'OPEN', 'ALLOCATED', 'COMPLETED', 'CANCELLED', 'ENDED']
		WHEN 'task_state' THEN ARRAY['WAITING', 'OPEN', 'COMPLETED', 'SKIPPED', 'CANCELLED']
		WHEN 'task_kind' THEN ARRAY['ALLOCATION', 'PTP']
		WHEN 'ptp_state' THEN ARRAY['IN_PROGRESS', 'WITHDRAWN', 'NOT_PROCEEDING', 'BUDGET_DECLINED', 'DECLINED',
			'RECOMMENDATIONS_DECLINED', 'ORDER_CLOSED', 'APPROVED', 'IMPOSED', 'NOT_IMPOSED', 'ENDED', 'EXPIRED']
		WHEN 'ptp_outcome' THEN ARRAY['ADVISED', 'STILL_CONSIDERED', 'MEMO_SENT', 'SUPPORTED', 'NOT_SUPPORTED',
			'PROPOSAL_PREPARED', 'NOT_PROCEEDING', 'BUDGET_APPROVED', 'BUDGET_DECLINED', 'FORWARDED', 'APPROVED',
			'DECLINED', 'DRAFT_SUBMITTED', 'FEEDBACK_GIVEN', 'REPORT_SUBMITTED', 'SUBMITTED',
			'RECOMMENDATIONS_APPROVED', 'RECOMMENDATIONS_DECLINED', 'WITHDRAWN']
		WHEN 'monitoring' THEN ARRAY['FULL_TIME', 'APPROVED_ABSENCES']
		WHEN 'em_approval' THEN ARRAY['NOT_SOUGHT', 'SOUGHT', 'APPROVED', 'DECLINED']
		WHEN 'source_kind' THEN ARRAY['COURT', 'PRISON', 'TOOLS']
		WHEN 'quarantine_state' THEN ARRAY['HELD', 'RETRIED', 'DISCARDED', 'SUPERSEDED']
		WHEN 'disposition' THEN ARRAY['ACCEPTED', 'PARKED', 'QUARANTINED', 'DUPLICATE']
		WHEN 'reason' THEN ARRAY['MALFORMED', 'TOO_LARGE', 'UNKNOWN_TYPE', 'UNKNOWN_SOURCE', 'NOT_ALLOWED', 'MISSING_FIELD',
			'INVALID_FIELD', 'INVALID_TEXT', 'INVALID_DATES', 'INVALID_ORDER_TYPE', 'UNKNOWN_OFFICE',
			'UNKNOWN_STEP', 'STEP_NOT_OPEN', 'ROLE_MAY_NOT_ACT', 'ORDER_CLOSED', 'ORDER_DIFFERS', 'PRN_MISMATCH',
			'MERGE_CYCLE', 'ID_REUSED', 'EVENT_TOO_OLD', 'PARKED_TOO_LONG', 'PTP_EXISTS', 'PTP_CLOSED', 'PTP_G1',
			'PTP_G2', 'PTP_G3', 'PTP_G4', 'PTP_G5', 'PTP_G6', 'PTP_G7', 'PTP_G8', 'PTP_G9', 'POISON',
			'TOO_MANY_ORDERS', 'NOT_MERGED', 'TOO_MANY_PARKED']
		WHEN 'event_type' THEN ARRAY['nz.govt.justice.cms.sentencing.scheduled', 'nz.govt.justice.cms.sentence.imposed',
			'nz.govt.justice.cms.sentence.varied', 'nz.govt.justice.cms.sentence.cancelled',
			'nz.govt.corrections.ioms.release.scheduled', 'nz.govt.corrections.ioms.release.cancelled',
			'nz.govt.corrections.ioms.offender.released', 'nz.govt.corrections.ioms.release.varied',
			'nz.govt.corrections.ioms.offender.recalled', 'nz.govt.corrections.ioms.order.baseline',
			'nz.govt.corrections.ioms.document.received', 'nz.govt.corrections.ioms.offender.assessed',
			'nz.govt.corrections.ioms.offender.merged', 'nz.govt.corrections.ioms.offender.unmerged',
			'nz.govt.corrections.cpps.allocation.recorded',
			'nz.govt.corrections.cpps.allocation.transfer.recorded', 'nz.govt.corrections.cpps.task.recorded',
			'nz.govt.corrections.cpps.ptp.considered', 'nz.govt.corrections.cpps.ptp.revised',
			'nz.govt.corrections.cpps.ptp.stage.recorded', 'nz.govt.corrections.cpps.ptp.imposition.recorded']
		WHEN 'record_name' THEN ARRAY['allocation.planned', 'allocation.requested', 'allocation.baselined',
			'allocation.preallocation-missed', 'allocation.allocated', 'allocation.reallocated',
			'allocation.split', 'allocation.changed', 'allocation.cancelled', 'allocation.completed',
			'allocation.ended', 'allocation.overdue', 'task.opened', 'task.completed', 'task.skipped',
			'task.reopened', 'task.cancelled', 'task.overdue', 'ptp.opened', 'ptp.stage-changed', 'ptp.noted',
			'ptp.decided', 'ptp.closed', 'ptp.overdue', 'ptp.refused', 'ptp.imposed', 'ptp.not-imposed',
			'ptp.expiring', 'ptp.expired', 'ptp.ended', 'event.quarantined', 'event.quarantine-overdue',
			'event.parked-long']
	END)[number]
$$;

-- Batches follow each other in time, so that a few bytes find those of a period.
CREATE INDEX batch_recorded_at ON cpps_store.batch USING brin (recorded_at) WITH (pages_per_range = 16);

-- ---- Requests ----

-- The bridge's clock: a test bridge may run ahead of the server.
CREATE VIEW cpps_store.bridge_clock AS
	SELECT now() + coalesce(max(ahead), interval '0') AS now FROM cpps_store.clock;

CREATE VIEW cpps.request AS
SELECT
	r.order_ref,
	r.prn,
	r.filed_prn,
	cpps_store.word('order_type', r.order_type) AS order_type,
	nullif(r.office, '') AS office,
	o.area,
	o.region,
	nullif(r.place, '') AS place,
	cpps_store.word('request_state', r.state) AS state,
	nullif(r.officer_id, '') AS officer_id,
	nullif(r.recommended_officer_id, '') AS recommended_officer_id,
	r.requested_at,
	r.due_at,
	r.first_report_by,
	r.allocated_at,
	r.level,
	coalesce(r.due_at <= c.now AND (r.state = 2 OR r.state = 1 AND nullif(r.officer_id, '') IS NULL AND t.preallocate = 'yes'), false) AS overdue,
	r.in_effect,
	r.in_effect AND r.state NOT IN (5, 6) AS live,
	r.scheduled_on,
	r.effective_on,
	r.starts_on,
	r.ends_on,
	r.child_sex_offence,
	string_to_array(nullif(r.conditions, ''), ' ') AS conditions,
	ARRAY(SELECT cpps_store.word('document', n) FROM generate_series(1, 14) AS n WHERE r.documents & (1 << n) <> 0 ORDER BY n) AS documents,
	r.applied_at
FROM cpps_store.request r
CROSS JOIN cpps_store.bridge_clock c
LEFT JOIN cpps_policy.office o ON o.office = r.office
LEFT JOIN cpps_policy.order_type t ON t.order_type = cpps_store.word('order_type', r.order_type);

COMMENT ON VIEW cpps.request IS 'Requests to manage a sentence or order: one row for every order the bridge knows, planned, live or closed (A1, R1, R2).';
COMMENT ON COLUMN cpps.request.order_ref IS 'Key of the one sentence or order, as the court or prison names it.';
COMMENT ON COLUMN cpps.request.prn IS 'The person''s record number; after a merge the surviving one (R9).';
COMMENT ON COLUMN cpps.request.filed_prn IS 'The record number the order was recorded under, before any merge (R9).';
COMMENT ON COLUMN cpps.request.order_type IS 'Type of sentence or order, such as HOME_DETENTION or PAROLE (A12).';
COMMENT ON COLUMN cpps.request.office IS 'Office that is to manage the order: the nearest one, or the service centre the offender is directed to (A2).';
COMMENT ON COLUMN cpps.request.area IS 'Area of the office, from the policy as it now is.';
COMMENT ON COLUMN cpps.request.region IS 'Region of the office, from the policy as it now is.';
COMMENT ON COLUMN cpps.request.place IS 'Court or prison it came from, as given.';
COMMENT ON COLUMN cpps.request.state IS 'PLANNED, OPEN, ALLOCATED, COMPLETED, CANCELLED or ENDED (R1, R2).';
COMMENT ON COLUMN cpps.request.officer_id IS 'Probation officer the case is allocated to; NULL: nobody yet.';
COMMENT ON COLUMN cpps.request.recommended_officer_id IS 'Officer of the offender''s other orders, recommended for this one (A5, R5).';
COMMENT ON COLUMN cpps.request.requested_at IS 'When the request was raised: the time of the event that opened it.';
COMMENT ON COLUMN cpps.request.due_at IS 'Allocate by (A8, R3).';
COMMENT ON COLUMN cpps.request.first_report_by IS 'The offender is to report first by (A8).';
COMMENT ON COLUMN cpps.request.allocated_at IS 'When the officer was recorded last.';
COMMENT ON COLUMN cpps.request.level IS 'Escalation levels published for this due time: 0 none, 1 service manager, 2 area manager, 3 regional manager (R3).';
COMMENT ON COLUMN cpps.request.overdue IS 'True while the due time has passed without an officer; of planned orders only where pre-allocation is expected (R2, R3).';
COMMENT ON COLUMN cpps.request.in_effect IS 'True once imposed, released or baselined, unless undone since.';
COMMENT ON COLUMN cpps.request.live IS 'True from taking effect until cancelled, recalled or past its end (R5).';
COMMENT ON COLUMN cpps.request.scheduled_on IS 'Date of the scheduled sentencing or release (R2).';
COMMENT ON COLUMN cpps.request.effective_on IS 'Date the sentence was imposed or the offender released.';
COMMENT ON COLUMN cpps.request.starts_on IS 'First day of the order.';
COMMENT ON COLUMN cpps.request.ends_on IS 'End of the order.';
COMMENT ON COLUMN cpps.request.child_sex_offence IS 'Whether the order is for a child sex offence; NULL: not known (A7 step 7).';
COMMENT ON COLUMN cpps.request.conditions IS 'Codes of its conditions.';
COMMENT ON COLUMN cpps.request.documents IS 'Papers received: SENTENCE_ORDER, LICENCE, CONDITIONS, RELEASE_NOTICE (A2).';
COMMENT ON COLUMN cpps.request.applied_at IS 'Time of the opening or correction applied last (R8).';

-- ---- Tasks ----

CREATE VIEW cpps.task AS
WITH every AS (
	SELECT 1 AS kind, r.order_ref AS ref, r.order_ref, s.step, s.title, s.role, s.state, s.opened_at, s.due_at, s.closed_at, s.level
	FROM cpps_store.request r
	CROSS JOIN LATERAL unnest(r.steps, r.step_titles, r.step_roles, r.step_states, r.step_opened_at, r.step_due_at, r.step_closed_at,
		r.step_levels) AS s (step, title, role, state, opened_at, due_at, closed_at, level)
	UNION ALL
	SELECT 2, ptp_ref, order_ref, task_step, task_title, task_role, task_state, task_opened_at, task_due_at, NULL, task_level
	FROM cpps_store.ptp_case
	WHERE task_state IN (1, 2)
	UNION ALL
	SELECT 2, t.ptp_ref, p.order_ref, t.step, t.title, t.role, t.state, t.opened_at, t.due_at, t.closed_at, NULL
	FROM cpps_store.ptp_task t
	LEFT JOIN cpps_store.ptp_case p USING (ptp_ref)
)
SELECT
	cpps_store.word('task_kind', e.kind) AS kind,
	e.ref,
	e.order_ref,
	e.step::integer AS step,
	e.title,
	cpps_store.word('role', e.role) AS role,
	cpps_store.word('task_state', e.state) AS state,
	nullif(r.office, '') AS office,
	r.prn,
	nullif(r.officer_id, '') AS officer_id,
	e.opened_at,
	e.due_at,
	e.closed_at,
	e.level::integer AS level,
	coalesce(e.state = 2 AND e.due_at <= c.now AND (e.kind = 2 OR r.state <> 1 OR t.preallocate = 'yes'), false) AS overdue
FROM every e
CROSS JOIN cpps_store.bridge_clock c
LEFT JOIN cpps_store.request r ON r.order_ref = e.order_ref
LEFT JOIN cpps_policy.order_type t ON t.order_type = cpps_store.word('order_type', r.order_type);

COMMENT ON VIEW cpps.task IS 'What people have to do: the allocation steps of every request (R4), and for each PTP case the task of whoever acts next and those closed before.';
COMMENT ON COLUMN cpps.task.kind IS 'ALLOCATION or PTP.';
COMMENT ON COLUMN cpps.task.ref IS 'The order, or for kind PTP the case, it belongs to.';
COMMENT ON COLUMN cpps.task.order_ref IS 'The order it concerns, for both kinds.';
COMMENT ON COLUMN cpps.task.step IS 'Allocation step (A7), or PTP stage (P8).';
COMMENT ON COLUMN cpps.task.title IS 'What to do, in words.';
COMMENT ON COLUMN cpps.task.role IS 'Who does it; NULL: the bridge itself.';
COMMENT ON COLUMN cpps.task.state IS 'WAITING (its turn has not come), OPEN, COMPLETED, SKIPPED or CANCELLED.';
COMMENT ON COLUMN cpps.task.office IS 'Office that manages the order.';
COMMENT ON COLUMN cpps.task.prn IS 'The person''s record number, the surviving one (R9).';
COMMENT ON COLUMN cpps.task.officer_id IS 'Probation officer of the order; NULL: nobody yet.';
COMMENT ON COLUMN cpps.task.opened_at IS 'When it was opened; NULL while it waits.';
COMMENT ON COLUMN cpps.task.due_at IS 'When it is due (R3; PTP: the policy''s period).';
COMMENT ON COLUMN cpps.task.closed_at IS 'When it was completed, skipped or cancelled.';
COMMENT ON COLUMN cpps.task.level IS 'Escalation levels published for this due time (R3); NULL for closed PTP tasks.';
COMMENT ON COLUMN cpps.task.overdue IS 'True while it is open past its due time; of planned orders only where pre-allocation is expected (R2).';

-- ---- PTP ----

CREATE VIEW cpps.ptp_case AS
SELECT
	p.ptp_ref,
	p.order_ref,
	r.prn,
	nullif(r.office, '') AS office,
	p.stage::integer AS stage,
	cpps_store.word('ptp_state', p.state) AS state,
	p.opened_at,
	p.entered_at,
	CASE WHEN p.task_state IN (1, 2) THEN p.task_due_at END AS due_at,
	CASE WHEN p.task_state IN (1, 2) THEN cpps_store.word('role', p.task_role) END AS next_role,
	p.task_level::integer AS level,
	coalesce(p.task_state = 2 AND p.task_due_at <= c.now, false) AS overdue,
	p.starts_on,
	p.ends_on,
	cpps_store.word('monitoring', p.monitoring) AS monitoring,
	p.em_criteria_met,
	cpps_store.word('em_approval', p.em_approval) AS em_approval,
	p.residential_restrictions,
	string_to_array(nullif(p.suitability, ''), ' ') AS suitability,
	p.area_supports,
	p.region_supports,
	p.approved,
	nullif(p.considered_by, '') AS considered_by,
	p.version,
	p.applied_at
FROM cpps_store.ptp_case p
CROSS JOIN cpps_store.bridge_clock c
LEFT JOIN cpps_store.request r USING (order_ref);

COMMENT ON VIEW cpps.ptp_case IS 'Cases of person to person monitoring (P1-P9): where each stands and what is known of it.';
COMMENT ON COLUMN cpps.ptp_case.ptp_ref IS 'Key of the case.';
COMMENT ON COLUMN cpps.ptp_case.order_ref IS 'The ES order it is about (G1).';
COMMENT ON COLUMN cpps.ptp_case.prn IS 'The person''s record number, the surviving one (R9).';
COMMENT ON COLUMN cpps.ptp_case.office IS 'Office that manages the order.';
COMMENT ON COLUMN cpps.ptp_case.stage IS 'Stage of the procedure, 1 to 10 (P8); of a closed case the last one.';
COMMENT ON COLUMN cpps.ptp_case.state IS 'IN_PROGRESS, or how it was closed: WITHDRAWN, NOT_PROCEEDING, BUDGET_DECLINED, DECLINED, RECOMMENDATIONS_DECLINED, ORDER_CLOSED, APPROVED; after approval IMPOSED, NOT_IMPOSED, ENDED, EXPIRED.';
COMMENT ON COLUMN cpps.ptp_case.opened_at IS 'When PTP was first considered.';
COMMENT ON COLUMN cpps.ptp_case.entered_at IS 'When it entered its stage.';
COMMENT ON COLUMN cpps.ptp_case.due_at IS 'When the next actor''s task is due; NULL once closed.';
COMMENT ON COLUMN cpps.ptp_case.next_role IS 'Who acts next; NULL once closed.';
COMMENT ON COLUMN cpps.ptp_case.level IS 'Escalation levels published for this due time.';
COMMENT ON COLUMN cpps.ptp_case.overdue IS 'True while the open task is past its due time.';
COMMENT ON COLUMN cpps.ptp_case.starts_on IS 'First day of monitoring (G4).';
COMMENT ON COLUMN cpps.ptp_case.ends_on IS 'Monitoring ends at 00:00 of this day: at most 12 months after the order''s start (P2, G4).';
COMMENT ON COLUMN cpps.ptp_case.monitoring IS 'FULL_TIME (24 hours a day) or APPROVED_ABSENCES (P1).';
COMMENT ON COLUMN cpps.ptp_case.em_criteria_met IS 'Whether the criteria for electronic monitoring are met (P3, G2); NULL: not known.';
COMMENT ON COLUMN cpps.ptp_case.em_approval IS 'Approval of EM conditions, sought alongside: NOT_SOUGHT, SOUGHT, APPROVED or DECLINED (P7, G9).';
COMMENT ON COLUMN cpps.ptp_case.residential_restrictions IS 'Whether residential restrictions go with it (P4, G3); NULL: not known.';
COMMENT ON COLUMN cpps.ptp_case.suitability IS 'Codes of the suitability criteria met (P5, G5).';
COMMENT ON COLUMN cpps.ptp_case.area_supports IS 'Whether the area manager supports it (stage 4); NULL: not said yet.';
COMMENT ON COLUMN cpps.ptp_case.region_supports IS 'Whether the regional manager supports it (stage 5); NULL: not said yet.';
COMMENT ON COLUMN cpps.ptp_case.approved IS 'True once the general manager has approved it (stage 8).';
COMMENT ON COLUMN cpps.ptp_case.considered_by IS 'Officer who considered it.';
COMMENT ON COLUMN cpps.ptp_case.version IS 'Version of the PTP procedure it was opened under (P9).';
COMMENT ON COLUMN cpps.ptp_case.applied_at IS 'Time of the consideration or revision applied last.';

CREATE VIEW cpps.ptp_history AS
SELECT
	h.seq,
	h.ptp_ref,
	p.order_ref,
	r.prn,
	cpps_store.word('record_name', h.name) AS name,
	h.happened_at,
	h.recorded_at,
	nullif(h.from_stage, 0)::integer AS from_stage,
	nullif(h.to_stage, 0)::integer AS to_stage,
	cpps_store.word('ptp_outcome', h.outcome) AS outcome,
	cpps_store.word('ptp_state', h.state) AS state,
	cpps_store.word('role', h.by_role) AS by_role,
	nullif(h.by, '') AS by,
	cpps_store.word('reason', h.guard) AS guard,
	nullif(h.rule, '') AS rule,
	h.cause
FROM cpps_store.ptp_history h
LEFT JOIN cpps_store.ptp_case p USING (ptp_ref)
LEFT JOIN cpps_store.request r ON r.order_ref = p.order_ref;

COMMENT ON VIEW cpps.ptp_history IS 'What was done in each PTP case: who did what when, and under which rule. One row a published ptp.* record.';
COMMENT ON COLUMN cpps.ptp_history.seq IS 'Number of the record in the published log (cpps.event).';
COMMENT ON COLUMN cpps.ptp_history.ptp_ref IS 'The case.';
COMMENT ON COLUMN cpps.ptp_history.order_ref IS 'The ES order it is about.';
COMMENT ON COLUMN cpps.ptp_history.prn IS 'The person''s record number, the surviving one (R9).';
COMMENT ON COLUMN cpps.ptp_history.name IS 'Name of the record, such as ptp.stage-changed or ptp.refused.';
COMMENT ON COLUMN cpps.ptp_history.happened_at IS 'When it happened: the event''s time, or the time that was reached.';
COMMENT ON COLUMN cpps.ptp_history.recorded_at IS 'When the bridge decided it (X8).';
COMMENT ON COLUMN cpps.ptp_history.from_stage IS 'Stage before.';
COMMENT ON COLUMN cpps.ptp_history.to_stage IS 'Stage after.';
COMMENT ON COLUMN cpps.ptp_history.outcome IS 'Outcome recorded, such as SUPPORTED or BUDGET_APPROVED (P8).';
COMMENT ON COLUMN cpps.ptp_history.state IS 'State of the case after it.';
COMMENT ON COLUMN cpps.ptp_history.by_role IS 'Role in which it was done (G6).';
COMMENT ON COLUMN cpps.ptp_history.by IS 'Who did it; NULL where time alone did.';
COMMENT ON COLUMN cpps.ptp_history.guard IS 'Of ptp.refused: the guard that was broken, PTP_G1 to PTP_G9.';
COMMENT ON COLUMN cpps.ptp_history.rule IS 'The rule that decided, in words.';
COMMENT ON COLUMN cpps.ptp_history.cause IS 'Id of the event that caused it; NULL: time alone.';

-- ---- The published log ----

CREATE VIEW cpps.event AS
SELECT
	b.first_seq + e.n - 1 AS seq,
	b.epoch,
	split_part(e.topic, '/', 1) AS name,
	nullif(substring(e.topic FROM position('/' IN e.topic) + 1), '-') AS office,
	nullif(e.ref, '') AS ref,
	nullif(e.prn, '') AS prn,
	e.cause,
	b.recorded_at,
	substring(b.records FROM coalesce(b.ends[e.n - 1], 0) + 1 FOR b.ends[e.n] - coalesce(b.ends[e.n - 1], 0)) AS record
FROM cpps_store.batch b
CROSS JOIN LATERAL (
	SELECT u.topic, u.ref, u.prn, nullif(u.cause, '') AS cause, u.n::integer AS n
	FROM unnest(b.topics, b.refs, b.prns, b.causes) WITH ORDINALITY AS u (topic, ref, prn, cause, n)
) AS e;

COMMENT ON VIEW cpps.event IS 'The published log, as far as it is kept. Filter by recorded_at to read a part of it quickly.';
COMMENT ON COLUMN cpps.event.seq IS 'Number of the record: from 1, without a gap.';
COMMENT ON COLUMN cpps.event.epoch IS 'Term of the leader that published it; epoch-seq is the record''s id.';
COMMENT ON COLUMN cpps.event.name IS 'Name of the record, such as task.opened; its type is nz.govt.corrections.cpps. and this.';
COMMENT ON COLUMN cpps.event.office IS 'Office of its topic; NULL where none is known.';
COMMENT ON COLUMN cpps.event.ref IS 'The order or PTP case it is about.';
COMMENT ON COLUMN cpps.event.prn IS 'The person''s record number, as of the record.';
COMMENT ON COLUMN cpps.event.cause IS 'Id of the event that caused it; NULL: time alone.';
COMMENT ON COLUMN cpps.event.recorded_at IS 'When the batch it belongs to was decided; never decreases with seq (X8).';
COMMENT ON COLUMN cpps.event.record IS 'The record itself: a CloudEvent in the protobuf format.';

-- ---- Dispositions ----

CREATE VIEW cpps.disposition AS
SELECT
	c.source,
	c.id,
	cpps_store.word('event_type', c.type) AS type,
	cpps_store.word('disposition', c.disposition) AS disposition,
	NULL::text AS reason,
	c.seq,
	nullif(c.order_ref, '') AS ref,
	nullif(c.prn, '') AS prn,
	c.time AS happened_at,
	c.decided_at,
	nullif(c.submitter, '') AS submitter,
	nullif(c.by, '') AS by,
	cpps_store.word('role', c.by_role) AS by_role,
	nullif(c.detail, '') AS detail
FROM cpps_store.claim c
WHERE c.disposition IN (1, 2)
UNION ALL
SELECT
	q.source,
	q.id,
	coalesce(cpps_store.word('event_type', q.type), q.type_text),
	cpps_store.word('disposition', 3),
	cpps_store.word('reason', q.reason),
	q.seq,
	nullif(q.order_ref, ''),
	NULL,
	q.time,
	q.quarantined_at,
	nullif(q.submitter, ''),
	NULL,
	NULL,
	NULL
FROM cpps_store.quarantined q
WHERE q.state IN (1, 3);

COMMENT ON VIEW cpps.disposition IS 'What became of every event: accepted, parked or quarantined (X1). A quarantined event that was retried or superseded stands here as what it became then.';
COMMENT ON COLUMN cpps.disposition.source IS 'Source of the event; NULL where it could not be read.';
COMMENT ON COLUMN cpps.disposition.id IS 'Id of the event: source and id name it for ever.';
COMMENT ON COLUMN cpps.disposition.type IS 'Type of the event.';
COMMENT ON COLUMN cpps.disposition.disposition IS 'ACCEPTED, PARKED or QUARANTINED.';
COMMENT ON COLUMN cpps.disposition.reason IS 'Reason code of a quarantined one, such as PRN_MISMATCH (X4).';
COMMENT ON COLUMN cpps.disposition.seq IS 'Last record it caused (cpps.event); 0: none.';
COMMENT ON COLUMN cpps.disposition.ref IS 'The order or PTP case it is about.';
COMMENT ON COLUMN cpps.disposition.prn IS 'The person''s record number it named or was decided for.';
COMMENT ON COLUMN cpps.disposition.happened_at IS 'Time of the event: when it happened.';
COMMENT ON COLUMN cpps.disposition.decided_at IS 'When the bridge decided it.';
COMMENT ON COLUMN cpps.disposition.submitter IS 'Authenticated identity that submitted it, or the stream it was read from (X7).';
COMMENT ON COLUMN cpps.disposition.by IS 'Who did it, as the event says.';
COMMENT ON COLUMN cpps.disposition.by_role IS 'Role in which it was done.';
COMMENT ON COLUMN cpps.disposition.detail IS 'Of one accepted without effect: why, in the bridge''s words.';

CREATE VIEW cpps.parked_event AS
SELECT
	p.number,
	p.source,
	p.id,
	cpps_store.word('event_type', c.type) AS type,
	cpps_store.word('source_kind', p.kind) AS kind,
	nullif(p.submitter, '') AS submitter,
	p.waits_for,
	c.time AS happened_at,
	p.parked_at,
	p.counted_from,
	p.long_published,
	p.opens
FROM cpps_store.parked p
LEFT JOIN cpps_store.claim c USING (source, id);

COMMENT ON VIEW cpps.parked_event IS 'Events that wait for an order or PTP case not yet known (X3).';
COMMENT ON COLUMN cpps.parked_event.number IS 'Order of arrival: they are decided in it.';
COMMENT ON COLUMN cpps.parked_event.source IS 'Source of the event.';
COMMENT ON COLUMN cpps.parked_event.id IS 'Id of the event.';
COMMENT ON COLUMN cpps.parked_event.type IS 'Type of the event.';
COMMENT ON COLUMN cpps.parked_event.kind IS 'What its source speaks as: COURT, PRISON or TOOLS.';
COMMENT ON COLUMN cpps.parked_event.submitter IS 'Authenticated identity that submitted it, or the stream it was read from (X7).';
COMMENT ON COLUMN cpps.parked_event.waits_for IS 'The order or case it waits for.';
COMMENT ON COLUMN cpps.parked_event.happened_at IS 'Time of the event: when it happened.';
COMMENT ON COLUMN cpps.parked_event.parked_at IS 'When it was parked.';
COMMENT ON COLUMN cpps.parked_event.counted_from IS 'When its seven days began: parked_at, or when what it waits for last left quarantine. Moved on from week to week while that is in quarantine, or is parked itself (X3).';
COMMENT ON COLUMN cpps.parked_event.long_published IS 'True once event.parked-long was published for it (X6).';
COMMENT ON COLUMN cpps.parked_event.opens IS 'The PTP case it would open: while it is parked, what waits for that is not given up (X3).';

CREATE VIEW cpps.quarantined_event AS
SELECT
	q.number,
	q.source,
	q.id,
	coalesce(cpps_store.word('event_type', q.type), q.type_text) AS type,
	cpps_store.word('source_kind', q.kind) AS kind,
	nullif(q.submitter, '') AS submitter,
	cpps_store.word('reason', q.reason) AS reason,
	cpps_store.word('quarantine_state', q.state) AS state,
	nullif(q.order_ref, '') AS order_ref,
	nullif(q.office, '') AS office,
	q.time AS happened_at,
	q.quarantined_at,
	q.closed_at,
	nullif(q.closed_by, '') AS closed_by,
	q.state = 1 AND q.next_alarm IS NOT NULL AS opens_order,
	q.raw_size,
	q.raw IS NOT NULL AS raw_kept,
	q.seq,
	q.opens
FROM cpps_store.quarantined q;

COMMENT ON VIEW cpps.quarantined_event IS 'Events that were set aside (X4), open and closed. Its sentence and bytes, which may quote what people wrote, are shown by `cppsctl quarantine show` only.';
COMMENT ON COLUMN cpps.quarantined_event.number IS 'Number to name it by: `cppsctl quarantine retry NUMBER`.';
COMMENT ON COLUMN cpps.quarantined_event.source IS 'Source of the event; NULL where it could not be read.';
COMMENT ON COLUMN cpps.quarantined_event.id IS 'Id of the event; NULL where it could not be read.';
COMMENT ON COLUMN cpps.quarantined_event.type IS 'Type of the event, as it came where it is none of ours.';
COMMENT ON COLUMN cpps.quarantined_event.kind IS 'What its source speaks as: COURT, PRISON or TOOLS; NULL: no such source is configured.';
COMMENT ON COLUMN cpps.quarantined_event.submitter IS 'Authenticated identity that submitted it, or the stream it was read from (X7).';
COMMENT ON COLUMN cpps.quarantined_event.reason IS 'Reason code, such as MALFORMED or ORDER_DIFFERS.';
COMMENT ON COLUMN cpps.quarantined_event.state IS 'HELD, or how it was closed: RETRIED, DISCARDED or SUPERSEDED by a good copy (X2).';
COMMENT ON COLUMN cpps.quarantined_event.order_ref IS 'The order it is about, where readable.';
COMMENT ON COLUMN cpps.quarantined_event.office IS 'Its office, where readable.';
COMMENT ON COLUMN cpps.quarantined_event.happened_at IS 'Time of the event, where readable.';
COMMENT ON COLUMN cpps.quarantined_event.quarantined_at IS 'When it was set aside.';
COMMENT ON COLUMN cpps.quarantined_event.closed_at IS 'When it was retried, discarded or superseded.';
COMMENT ON COLUMN cpps.quarantined_event.closed_by IS 'Who discarded it.';
COMMENT ON COLUMN cpps.quarantined_event.opens_order IS 'True while it is held and would have opened a request: an offender without one, said again every few hours (X6).';
COMMENT ON COLUMN cpps.quarantined_event.raw_size IS 'Size of the event as it came, in bytes.';
COMMENT ON COLUMN cpps.quarantined_event.raw_kept IS 'False where its bytes were not kept, because the quota of its source was used up.';
COMMENT ON COLUMN cpps.quarantined_event.seq IS 'Its event.quarantined record (cpps.event).';
COMMENT ON COLUMN cpps.quarantined_event.opens IS 'The order or PTP case it would open, where readable: while it is held, what waits for that is not given up (X3).';

-- ---- Positions ----

CREATE VIEW cpps.source_position AS
SELECT source, stream, epoch, seq, head, greatest(head - seq, 0) AS lag, taken_at FROM cpps_store.source_position;

COMMENT ON VIEW cpps.source_position IS 'How far each source stream has been taken (X5).';
COMMENT ON COLUMN cpps.source_position.source IS 'Name of the source in the configuration.';
COMMENT ON COLUMN cpps.source_position.stream IS 'Name the stream gives itself.';
COMMENT ON COLUMN cpps.source_position.epoch IS 'Epoch of the last event taken.';
COMMENT ON COLUMN cpps.source_position.seq IS 'Number of the last event taken.';
COMMENT ON COLUMN cpps.source_position.head IS 'Last number the source is known to have reached.';
COMMENT ON COLUMN cpps.source_position.lag IS 'Events known and not yet taken.';
COMMENT ON COLUMN cpps.source_position.taken_at IS 'When the position last moved.';

CREATE VIEW cpps.consumer_position AS
SELECT p.name, p.confirmed, h.head, greatest(h.head - p.confirmed, 0) AS lag, p.registered_at, p.seen_at
FROM cpps_store.consumer_position p
CROSS JOIN (SELECT coalesce(max(last_seq), 0) AS head FROM cpps_store.batch) AS h;

COMMENT ON VIEW cpps.consumer_position IS 'Registered consumers of the published log and how far each has confirmed it. An unconfirmed record is kept longer, up to a cap.';
COMMENT ON COLUMN cpps.consumer_position.name IS 'Name the consumer registered under.';
COMMENT ON COLUMN cpps.consumer_position.confirmed IS 'Last record it has confirmed (cpps.event.seq).';
COMMENT ON COLUMN cpps.consumer_position.head IS 'Last record published.';
COMMENT ON COLUMN cpps.consumer_position.lag IS 'Records published and not yet confirmed.';
COMMENT ON COLUMN cpps.consumer_position.registered_at IS 'When it registered.';
COMMENT ON COLUMN cpps.consumer_position.seen_at IS 'When it last confirmed or read.';

CREATE VIEW cpps.reconciliation AS
SELECT at, agreed, differences, nullif(by, '') AS by FROM cpps_store.reconciliation;

COMMENT ON VIEW cpps.reconciliation IS 'Comparisons with IOMS''s list of live orders: the check of step 1 (R11).';
COMMENT ON COLUMN cpps.reconciliation.at IS 'When the lists were compared.';
COMMENT ON COLUMN cpps.reconciliation.agreed IS 'True where nothing was missing, extra or different.';
COMMENT ON COLUMN cpps.reconciliation.differences IS 'Orders missing, extra or different.';
COMMENT ON COLUMN cpps.reconciliation.by IS 'Who compared them.';

CREATE VIEW cpps.migration AS
SELECT version, name, applied_at FROM cpps_store.migration;

COMMENT ON VIEW cpps.migration IS 'Migrations of the schema that were applied; the newest is its version.';
COMMENT ON COLUMN cpps.migration.version IS 'Number of the migration.';
COMMENT ON COLUMN cpps.migration.name IS 'Its file.';
COMMENT ON COLUMN cpps.migration.applied_at IS 'When it was applied.';

-- ---- For cppsctl only ----

-- Everything that is known of an order with its PTP cases, or of one case, in the order in which it was decided: what came in, each event before the
-- records it caused. It shows free text, and so is not for cpps_reader.
CREATE FUNCTION cpps_store.history(in_ref text) RETURNS TABLE (
	recorded_at timestamptz, happened_at timestamptz, -- happened_at: of events
	seq bigint,                    -- the record, or the last one the event caused
	what text,                     -- EVENT or RECORD
	name text,                     -- type of the event, name of the record
	ref text, office text,
	disposition text, reason text, -- of events
	by text, by_role text, submitter text,
	source text, id text,          -- the event, or the one that caused the record
	detail text,                   -- in the bridge's words
	prose text                     -- in people's
)
LANGUAGE sql STABLE AS $$
	WITH refs AS (
		SELECT array_append(array_agg(ptp_ref), in_ref) AS list FROM cpps_store.ptp_case WHERE order_ref = in_ref
	), records AS (
		SELECT b.first_seq + u.n - 1 AS seq, b.recorded_at, u.topic, u.ref, nullif(u.cause, '') AS cause
		FROM refs
		JOIN cpps_store.batch b ON b.refs && refs.list
		CROSS JOIN LATERAL unnest(b.topics, b.refs, b.causes) WITH ORDINALITY AS u (topic, ref, cause, n)
		WHERE u.ref = ANY (refs.list)
		UNION ALL -- what was done in a case is kept for longer than the log
		SELECT h.seq, h.recorded_at, cpps_store.word('record_name', h.name) || '/', h.ptp_ref, nullif(h.cause, '')
		FROM refs
		JOIN cpps_store.ptp_history h ON h.ptp_ref = ANY (refs.list)
		WHERE h.seq < (SELECT min(b.first_seq) FROM cpps_store.batch b)
	), events AS (
		SELECT c.decided_at, c.time, c.seq, cpps_store.word('event_type', c.type) AS type, c.order_ref, NULL::text AS office,
			cpps_store.word('disposition', c.disposition) AS disposition, NULL::text AS reason, c.by,
			cpps_store.word('role', c.by_role) AS by_role, c.submitter, c.source, c.id, c.detail, c.prose
		FROM cpps_store.claim c, refs
		WHERE c.order_ref = ANY (refs.list) AND c.disposition IN (1, 2)
		UNION ALL
		SELECT q.quarantined_at, q.time, q.seq, coalesce(cpps_store.word('event_type', q.type), q.type_text), q.order_ref, q.office,
			'QUARANTINED, ' || cpps_store.word('quarantine_state', q.state), cpps_store.word('reason', q.reason),
			coalesce(nullif(q.closed_by, ''), h.by), CASE WHEN nullif(q.closed_by, '') IS NULL THEN cpps_store.word('role', h.by_role) END,
			q.submitter, q.source, q.id, q.sentence, q.closed_reason
		FROM refs
		JOIN cpps_store.quarantined q ON q.order_ref = ANY (refs.list)
			OR q.seq = ANY (ARRAY(SELECT r.seq FROM records r WHERE r.topic LIKE 'event.quarantined/%'))
		LEFT JOIN cpps_store.ptp_history h ON h.seq = q.seq - 1 AND h.cause = q.id -- the ptp.refused before its event.quarantined: whose it was
	), entries AS (
		SELECT decided_at AS at, seq AS through, 1 AS rank, decided_at AS recorded_at, time AS happened_at, seq, 'EVENT' AS what, type AS name,
			order_ref AS ref, office, disposition, reason, by, by_role, submitter, source, id, detail, prose
		FROM events
		UNION ALL
		SELECT coalesce(e.decided_at, r.recorded_at), coalesce(e.seq, r.seq), 2, r.recorded_at, NULL, r.seq, 'RECORD', split_part(r.topic, '/', 1),
			r.ref, nullif(substring(r.topic FROM position('/' IN r.topic) + 1), '-'), NULL, NULL, h.by, h.by_role, NULL, e.source, r.cause,
			concat_ws(', ', 'stage ' || nullif(concat_ws(' -> ', h.from_stage, nullif(h.to_stage, h.from_stage)), ''), h.outcome, h.guard, h.rule), NULL
		FROM records r
		LEFT JOIN cpps.ptp_history h ON h.seq = r.seq
		LEFT JOIN LATERAL (SELECT * FROM events WHERE id = r.cause AND events.seq >= r.seq ORDER BY events.seq LIMIT 1) AS e ON true
	)
	SELECT n.recorded_at, n.happened_at, n.seq, n.what, n.name, n.ref, n.office, n.disposition, n.reason, nullif(n.by, ''), n.by_role,
		nullif(n.submitter, ''), n.source, n.id, nullif(nullif(n.detail, ''), 'stage '), nullif(n.prose, '')
	FROM entries n
	ORDER BY n.at, n.through, n.rank, n.seq
$$;

-- ---- Rights ----

-- cpps_reader has USAGE of schema cpps alone: the functions behind the views are open to everyone, and reachable by nobody else.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cpps_store TO cpps_bridge;
-- What is append only, and what only a migration changes.
-- The log is deleted from its old end alone, by cpps_store.retain().
REVOKE DELETE ON cpps_store.batch FROM cpps_bridge;
REVOKE UPDATE ON cpps_store.batch, cpps_store.ptp_history, cpps_store.ptp_task FROM cpps_bridge;
REVOKE INSERT, UPDATE, DELETE ON cpps_store.migration FROM cpps_bridge;

GRANT SELECT ON ALL TABLES IN SCHEMA cpps TO cpps_reader, cpps_bridge;
REVOKE ALL ON FUNCTION cpps_store.history(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cpps_store.history(text) TO cpps_bridge;

RESET ROLE;
