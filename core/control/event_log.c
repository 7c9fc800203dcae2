#include "core/control/event_log_internal.h"

#include <stdlib.h>
#include <string.h>

/* Where an event keeps the texts that are copied. */
static const size_t texts[] = {
    offsetof(struct journal_event, via),    offsetof(struct journal_event, client),
    offsetof(struct journal_event, asked),  offsetof(struct journal_event, service),
    offsetof(struct journal_event, tunnel), offsetof(struct journal_event, text),
};
#define TEXTS (sizeof texts / sizeof *texts)

static const char **text_of(struct journal_event *e, size_t i)
{
    return (const char **)(void *)((char *)e + texts[i]);
}

static size_t length(const char *text)
{
    return text != NULL ? strnlen(text, JOURNAL_TEXT) : 0;
}

/* Into one block. */
static void copy_texts(struct journal_slot *slot)
{
    size_t size = 0;
    for (size_t i = 0; i < TEXTS; i++)
        size += length(*text_of(&slot->event, i)) + 1;
    char *to = slot->memory = malloc(size);
    for (size_t i = 0; i < TEXTS; i++) {
        const char **text = text_of(&slot->event, i);
        size_t n = length(*text);
        if (n > 0 && to != NULL) {
            memcpy(to, *text, n);
            to[n] = '\0';
            *text = to;
            to += n + 1;
        } else {
            *text = NULL;
        }
    }
}

void journal_add(struct journal *j, const struct journal_event *e)
{
    struct journal_slot *slot = &j->slots[++j->last % JOURNAL_EVENTS];
    free(slot->memory);
    slot->event = *e;
    slot->event.number = j->last;
    copy_texts(slot);
    if (j->listener != NULL)
        j->listener(j->owner, &slot->event);
}

const struct journal_event *journal_get(const struct journal *j, uint64_t number)
{
    const struct journal_event *e = &j->slots[number % JOURNAL_EVENTS].event;
    return number > 0 && e->number == number ? e : NULL;
}

void journal_free(struct journal *j)
{
    for (size_t i = 0; i < JOURNAL_EVENTS; i++)
        free(j->slots[i].memory);
    *j = (struct journal){0};
}
