#include "core/control/event_log_internal.h"

#include <stdlib.h>
#include <string.h>

/* The members of an event whose texts are copied. */
static const size_t texts[] = {
    offsetof(struct logged_event, via),    offsetof(struct logged_event, client),
    offsetof(struct logged_event, asked),  offsetof(struct logged_event, service),
    offsetof(struct logged_event, tunnel), offsetof(struct logged_event, text),
};
#define TEXTS (sizeof texts / sizeof *texts)

static const char **text_of(struct logged_event *e, size_t i)
{
    return (const char **)(void *)((char *)e + texts[i]);
}

static size_t length(const char *text)
{
    return text != NULL ? strnlen(text, EVENT_LOG_TEXT) : 0;
}

/* Copies all texts into one block. */
static void copy_texts(struct event_log_slot *slot)
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

void event_log_add(struct event_log *j, const struct logged_event *e)
{
    struct event_log_slot *slot = &j->slots[++j->last % EVENT_LOG_SIZE];
    free(slot->memory);
    slot->event = *e;
    slot->event.number = j->last;
    copy_texts(slot);
    if (j->listener != NULL)
        j->listener(j->owner, &slot->event);
}

const struct logged_event *event_log_get(const struct event_log *j, uint64_t number)
{
    const struct logged_event *e = &j->slots[number % EVENT_LOG_SIZE].event;
    return number > 0 && e->number == number ? e : NULL;
}

void event_log_free(struct event_log *j)
{
    for (size_t i = 0; i < EVENT_LOG_SIZE; i++)
        free(j->slots[i].memory);
    *j = (struct event_log){0};
}
