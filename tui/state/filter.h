/* The filter of streams and events: words that are ANDed. `text` is contained in client, process,
 * service, device, target, asked or state; `!` in front of a word inverts it; `name=text` is
 * contained in that field (client, process, service, device or tunnel, target, asked, via, state,
 * reason, id); `age>10m`, `down>1M`, `up<10K`, `down/s>1M`, `up/s>0` compare totals (bytes; K, M,
 * G, T are 1024 each) and rates. Case does not matter. Pure. */
#ifndef TUI_STATE_FILTER_H
#define TUI_STATE_FILTER_H

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

/* Parses a filter; "" matches everything. False: problem is a sentence, and *f is unchanged. */
bool filter_parse(const char *text, struct filter *f, char *problem, size_t size);
bool filter_stream(const struct filter *f, const struct snapshot_stream *s);
/* Applies the words about fields that an event has: texts, and the numbers of a stream's end. An
 * event that does not concern a single stream ("down", "lost", ...) always matches. */
bool filter_event(const struct filter *f, const struct snapshot_event *e);

/* Whether a plain word matches the stream. */
bool filter_contains(const struct snapshot_stream *s, const char *text);

/* The place of `word` in text, ignoring case; -1: it is not there, or it is empty. */
long filter_find(struct span text, const char *word);

#endif
