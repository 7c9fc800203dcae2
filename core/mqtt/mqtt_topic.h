/* Topics and topic filters of MQTT (3.1.1, section 4.7). */
#ifndef CORE_MQTT_MQTT_TOPIC_H
#define CORE_MQTT_MQTT_TOPIC_H

#include "core/base/str.h"

/* UTF-8 without NUL (section 1.5.3), at least one character, and no wildcard. */
bool mqtt_topic_valid(struct span topic);
/* The same with wildcards where they may stand: `+` alone on its level, `#` alone on the last. */
bool mqtt_filter_valid(struct span filter);
/* Whether a valid filter is for that topic. A wildcard at the beginning is for no topic that begins
 * with `$`. */
bool mqtt_filter_matches(struct span filter, struct span topic);
/* UTF-8 without NUL, as every text in a packet has to be. */
bool mqtt_text_valid(struct span text);

#endif
