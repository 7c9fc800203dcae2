/* Names with '*' (any run of characters, an empty one too) and '?' (any one of them), as keys and
 * ACLs have them. No other character is special; case counts. Pure; at worst the pattern's length
 * times the text's, whatever the stars. */
#ifndef GATEWAY_HUB_API_GLOB_H
#define GATEWAY_HUB_API_GLOB_H

#include "core/base/str.h"

bool glob_match(struct span pattern, struct span text);

#endif
