#include "core/policy.h"

#include "base/text.h"

const struct policy_office *policy_office(const struct policy *policy, const char *office)
{
	for (size_t i = 0; i < policy->office_count; i++)
		if (text_equal(policy->offices[i].office, office))
			return &policy->offices[i];
	return NULL;
}

const struct policy_step *policy_step(const struct policy *policy, int32_t step)
{
	for (size_t i = 0; i < policy->step_count; i++)
		if (policy->steps[i].step == step)
			return &policy->steps[i];
	return NULL;
}

bool policy_may_act(const struct policy *policy, enum scope scope, enum role actor, enum role role)
{
	if (actor == role)
		return true;
	for (size_t i = 0; i < policy->substitute_count; i++) {
		const struct policy_substitute *row = &policy->substitutes[i];

		if (row->scope == scope && row->actor == actor && row->role == role)
			return true;
	}
	return false;
}

const struct policy_ptp *policy_ptp(const struct policy *policy, int32_t version)
{
	for (size_t i = 0; i < policy->ptp_count; i++)
		if (policy->ptps[i].version == version)
			return &policy->ptps[i];
	return NULL;
}

const struct policy_ptp *policy_ptp_at(const struct policy *policy, struct date day)
{
	const struct policy_ptp *found = &policy->ptps[0];

	for (size_t i = 1; i < policy->ptp_count; i++)
		if (policy->ptps[i].in_force_from.day <= day.day)
			found = &policy->ptps[i];
	return found;
}
