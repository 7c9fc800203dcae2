/* What is shown of many streams and events: words that are ANDed. `text` is contained in client,
 * process, service, device, asked or state; `!` in front of a word inverts it; `name=text` contains
 * in that field (service, client, tunnel, state, via, asked, process, target, id); `age>10m`,
 * `down>1M`, `up<10K`, `down/s>1M`, `up/s>0` compare totals (bytes; K, M, G are 1024 each) and
 * rates. Case does not matter. Pure. */
#ifndef TUI_FILTER_H
#define TUI_FILTER_H

#include "core/control/client/snapshot.h"

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

/* "": everything matches. False: problem is a sentence, *f as it was. */
bool filter_parse(const char *text, struct filter *f, char *problem, size_t size);
bool filter_stream(const struct filter *f, const struct snapshot_stream *s);
/* Of the words, those about what an event has; comparisons of rates do not count. */
bool filter_event(const struct filter *f, const struct snapshot_event *e);

#endif
