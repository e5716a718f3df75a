/* Inside of core/: what the two halves of the policy's loading share. */
#pragma once

#include "core/policy.h"

/* Every table that must have rows has some, and every key (setting, role, order type) its own. 0; -EINVAL with a sentence. */
int policy_check_filled(const struct policy *policy, struct fault *fault);
