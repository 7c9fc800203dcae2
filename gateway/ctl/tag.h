/* Tags as people write them: KEY=VALUE. */
#ifndef GATEWAY_CTL_TAG_H
#define GATEWAY_CTL_TAG_H

#include "gateway/ctl/ctl_json.h"

/* Whether the text has a key and a '='. */
bool tag_is(const char *text);
/* Makes {"key": …, "value": …}. NULL: no memory. */
cJSON *tag_json(const char *text);

#endif
