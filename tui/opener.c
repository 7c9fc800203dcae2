#include "tui/opener.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct opener {
    struct loop *loop;
    void (*failed)(void *owner, const char *text);
    void *owner;
    uv_process_t *started; /* NULL: nothing runs */
    char name[32];
};

struct opener *opener_new(struct loop *loop, void (*failed)(void *owner, const char *text),
                          void *owner)
{
    struct opener *o = calloc(1, sizeof *o);
    if (o != NULL)
        *o = (struct opener){.loop = loop, .failed = failed, .owner = owner};
    return o;
}

static void on_freed(uv_handle_t *uv)
{
    free(uv);
}

void opener_free(struct opener *o)
{
    if (o != NULL && o->started != NULL)
        uv_close((uv_handle_t *)o->started, on_freed);
    free(o);
}

static void say(struct opener *o, const char *what, const char *why)
{
    char text[160];
    snprintf(text, sizeof text, "%s %s%s", o->name, what, why);
    o->failed(o->owner, text);
}

static void on_end(uv_process_t *uv, int64_t status, int number)
{
    struct opener *o = uv->data;
    char code[32];
    o->started = NULL;
    uv_close((uv_handle_t *)uv, on_freed);
    snprintf(code, sizeof code, "%" PRId64, number != 0 ? 128 + number : status);
    if (status != 0 || number != 0)
        say(o, "failed with ", code);
}

bool opener_start(struct opener *o, const struct open_command *c)
{
    uv_stdio_container_t no_files[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    uv_process_options_t how = {.file = c->words[0],
                                .args = (char **)(uintptr_t)c->words,
                                .exit_cb = on_end,
                                .flags = UV_PROCESS_DETACHED,
                                .stdio_count = 3,
                                .stdio = no_files};
    snprintf(o->name, sizeof o->name, "%s", c->words[0]);
    if (o->started != NULL) {
        say(o, "waits: what was opened before has not ended yet", "");
        return false;
    }
    uv_process_t *uv = calloc(1, sizeof *uv);
    if (uv == NULL) {
        say(o, "cannot be started: ", uv_strerror(UV_ENOMEM));
        return false;
    }
    uv->data = o;
    int why = uv_spawn(loop_uv(o->loop), uv, &how);
    if (why != 0) {
        uv_close((uv_handle_t *)uv, on_freed);
        say(o, "cannot be started: ", uv_strerror(why));
        return false;
    }
    o->started = uv;
    return true;
}
