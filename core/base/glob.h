/* Matches names with '*' (any run of characters, even an empty one) and '?' (any one character), as
 * keys and ACLs have them. No other character is special; case counts. Pure. The worst case is the
 * pattern's length times the text's, for any number of stars. */
#ifndef CORE_BASE_GLOB_H
#define CORE_BASE_GLOB_H

#include "core/base/str.h"

bool glob_match(struct span pattern, struct span text);
/* Whether the rule matches all that the pattern matches. What it says is true is true; of wildcards
 * side by side in another order than the rule's ("*?" for "?*") it may not see it. */
bool glob_covers(struct span rule, struct span pattern);

#endif
