#include "core/mqtt/mqtt_topic.h"

#include "core/base/unicode.h"

#include <string.h>

bool mqtt_text_valid(struct span text)
{
    uint32_t c;
    while (text.n > 0) {
        size_t n = utf8_decode(text, &c);
        if (n == 0 || c == 0)
            return false;
        text.p += n;
        text.n -= n;
    }
    return true;
}

static bool has(struct span s, char c)
{
    return s.n > 0 && memchr(s.p, c, s.n) != NULL;
}

bool mqtt_topic_valid(struct span topic)
{
    return topic.n > 0 && !has(topic, '+') && !has(topic, '#') && mqtt_text_valid(topic);
}

/* Cuts off the first level. False: there is none left; `level` tells "a/" from "a". */
static bool next_level(struct span *rest, struct span *level)
{
    if (rest->p == NULL)
        return false;
    bool last = !has(*rest, '/');
    *level = span_cut(rest, '/');
    if (last)
        *rest = (struct span){NULL, 0};
    return true;
}

bool mqtt_filter_valid(struct span filter)
{
    struct span rest = filter, level;
    if (filter.n == 0 || !mqtt_text_valid(filter))
        return false;
    while (next_level(&rest, &level)) {
        if (has(level, '#') && (level.n != 1 || rest.p != NULL))
            return false;
        if (has(level, '+') && level.n != 1)
            return false;
    }
    return true;
}

bool mqtt_filter_matches(struct span filter, struct span topic)
{
    struct span want, have;
    if (filter.n == 0 || topic.n == 0 ||
        (topic.p[0] == '$' && (filter.p[0] == '#' || filter.p[0] == '+')))
        return false;
    while (next_level(&filter, &want)) {
        if (span_is(want, "#"))
            return true;
        if (!next_level(&topic, &have) || !(span_is(want, "+") || span_equal(want, have)))
            return false;
    }
    return topic.p == NULL;
}
