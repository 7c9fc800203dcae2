/* The filter of streams and events: words that are ANDed. `text` is contained in client, process,
 * user, service, device, target, asked, state or reason; `!` in front of a word inverts it;
 * `name=text` is contained in that field (client, process, user, service, device or tunnel, target,
 * asked, via, state, reason, id); `age>10m`, `idle>1h`, `down>1M`, `up<10K`, `down/s>1M`, `up/s>0`
 * compare times, totals (bytes; K, M, G, T are 1024 each) and rates. Case does not matter. Pure. */
#ifndef CORE_CONTROL_FILTER_FILTER_H
#define CORE_CONTROL_FILTER_FILTER_H

#include "core/base/str.h"

#include <stdint.h>

#define FILTER_WORDS 16

struct filter {
    size_t n;
    struct filter_word {
        bool invert;
        int field;    /* private */
        char compare; /* 0, '=', '<' or '>' */
        char text[128];
        double number;
    } words[FILTER_WORDS];
};

/* Parses a filter; "" matches everything. False: problem is a sentence, and *f is unchanged. */
bool filter_parse(const char *text, struct filter *f, char *problem, size_t size);

enum filter_text {
    FILTER_CLIENT,
    FILTER_PROCESS,
    FILTER_USER,
    FILTER_SERVICE,
    FILTER_TUNNEL,
    FILTER_TARGET,
    FILTER_ASKED,
    FILTER_STATE,
    FILTER_VIA,
    FILTER_REASON,
    FILTER_TEXT,  /* an event's sentence */
    FILTER_EVENT, /* an event's name; no word names this field */
    FILTER_TEXTS
};
enum filter_number {
    FILTER_AGE,
    FILTER_IDLE,
    FILTER_DOWN,
    FILTER_UP,
    FILTER_RATE_DOWN,
    FILTER_RATE_UP,
    FILTER_NUMBERS
};

/* What a filter looks at. A word about a field that is not there at all is passed over. */
struct filter_facts {
    uint64_t id;
    const char *texts[FILTER_TEXTS]; /* "": empty; NULL: there is no such field */
    double numbers[FILTER_NUMBERS];  /* seconds, bytes, bytes per second; NAN: no such field */
};
bool filter_matches(const struct filter *f, const struct filter_facts *facts);
/* Whether `text` matches as a word without a name does. */
bool filter_contains(const struct filter_facts *facts, const char *text);

/* The place of `word` in text, ignoring case; -1: it is not there, or it is empty. */
long filter_find(struct span text, const char *word);

/* The short name of a protocol, by which it is found as well: "s5" for "socks5"; others are
 * unchanged. */
const char *filter_via(const char *via);

#endif
