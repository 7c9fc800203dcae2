/* What asks before it does something: closing streams, opening a service, writing a file. Each
 * takes one key for an answer. */
#include "tui/state/columns.h"
#include "tui/state/export.h"
#include "tui/state/paged_list.h"
#include "tui/state/stream_list.h"
#include "tui/state/ui_internal.h"

#include <stdio.h>
#include <string.h>

/* A question takes no answer from several keys at once, which are a paste. */
static bool came_alone(const struct ui *ui)
{
    return ui->read <= 1;
}

/* ---- closing ---- */

static bool can_close(const struct model *m, uint64_t id)
{
    const struct snapshot_stream *s = model_stream(m, id);
    return s != NULL && s->state != SNAPSHOT_CLOSED;
}

static void choose_closing(struct ui *ui, const struct model *m)
{
    ui->n_closing = 0;
    ui->closing_of[0] = '\0';
    for (size_t i = 0; i < ui->n_tags && ui->screen == SCREEN_MAIN; i++)
        if (can_close(m, ui->tags[i]))
            ui->closing[ui->n_closing++] = ui->tags[i];
    uint64_t id = ui_selected(ui, m);
    if ((ui->n_tags == 0 || ui->screen == SCREEN_STREAM) && can_close(m, id))
        ui->closing[ui->n_closing++] = id;
}

static unsigned ask_close_group(struct ui *ui, const struct model *m)
{
    if (ui->groups.other) {
        ui_say(ui, true, "these are all whose names are not kept; they cannot be listed");
        return UI_NOTHING;
    }
    if (!m->shown.streams_page.known) {
        ui_choose_members(ui, m);
        return UI_NOTHING;
    }
    ui->prompt = PROMPT_GATHER;
    return UI_REFRESH;
}

/* Whether the selected row is a group, which is then ui->groups.key. */
static bool is_on_group(struct ui *ui, const struct model *m)
{
    if (ui->screen != SCREEN_MAIN || ui->groups.by == GROUP_NONE)
        return false;
    struct stream_list l = stream_list_of(ui, m);
    bool group = stream_list_group(&l, ui, m) != NULL;
    if (group)
        stream_list_select(&l, ui, m, stream_list_selected(&l, ui, m));
    stream_list_free(&l);
    return group;
}

unsigned ui_ask_close(struct ui *ui, struct model *m, uint32_t key)
{
    (void)key;
    if (column_role_of(&m->shown) == COLUMN_HUB) {
        ui_say(ui, true, "a hub closes whole tunnels only: tunnelctl close");
        return UI_NOTHING;
    }
    if (m->shown.readonly) {
        ui_say(ui, true, "nothing can be closed here: the program was started for reading only");
        return UI_NOTHING;
    }
    if (m->link != MODEL_LIVE) {
        ui_say(ui, true, "not connected: nothing can be closed now");
        return UI_NOTHING;
    }
    if (ui->screen == SCREEN_MAIN && ui->focus != PANE_STREAMS) {
        ui_say(ui, true, "go to the streams first (Tab)");
        return UI_NOTHING;
    }
    if (m->paused && is_on_group(ui, m)) {
        ui_say(ui, true, "a group is closed as it is now: end the pause first (p)");
        return UI_NOTHING;
    }
    if (ui->n_tags == 0 && is_on_group(ui, m))
        return ask_close_group(ui, m);
    choose_closing(ui, m);
    if (ui->n_closing == 0)
        ui_say(ui, true, "there is no stream to close");
    else
        ui->prompt = PROMPT_CLOSE;
    return UI_NOTHING;
}

static unsigned close_key(struct ui *ui, uint32_t key)
{
    ui->prompt = PROMPT_NONE;
    if (key != 'y') {
        ui->n_closing = 0;
        ui_say(ui, false, "kept");
        return UI_NOTHING;
    }
    if (ui->screen == SCREEN_MAIN)
        ui->n_tags = 0;
    return UI_CLOSE | UI_REFRESH;
}

uint64_t ui_closing(const struct ui *ui, size_t i)
{
    return i < ui->n_closing ? ui->closing[i] : 0;
}

/* ---- opening ---- */

static struct open_target target_of(const struct ui *ui, const struct model *m)
{
    const struct snapshot *s = &m->shown;
    return (struct open_target){.service = "",
                                .host = "",
                                .listen = s->n_listen > 0 ? s->listen[0] : "",
                                .here = s->host != NULL && s->host[0] != '\0' &&
                                        strcmp(s->host, ui->hostname) == 0,
                                .in_tmux = ui->in_tmux,
                                .on_desktop = ui->on_desktop};
}

static void aim_at_service(struct open_target *t, const struct snapshot_service *s)
{
    t->service = s != NULL ? s->id : "";
    t->host = s != NULL ? s->host : "";
}

static void aim_at_stream(struct open_target *t, const struct model *m,
                          const struct snapshot_stream *s)
{
    for (size_t i = 0; s != NULL && i < m->shown.n_services; i++)
        if (strcmp(m->shown.services[i].id, s->service) == 0 &&
            strcmp(m->shown.services[i].tunnel, s->tunnel) == 0)
            aim_at_service(t, &m->shown.services[i]);
}

/* The service of a device that is for people, if it has one; it is reached from a gateway with an
 * access key, which is at its usual place on some other machine. */
static void aim_at_device(struct open_target *t, const struct snapshot_device *d, char *host,
                          size_t size)
{
    size_t best = 0;
    if (d == NULL || d->n_services == 0)
        return;
    for (size_t i = d->n_services; i-- > 0;)
        if (strncmp(d->services[i], "SSH", 3) == 0)
            best = i;
    if (!open_device_host(d->services[best], d->device, host, size))
        snprintf(host, size, "?"); /* it is refused, and that is said */
    *t = (struct open_target){.service = d->services[best], .host = host, .listen = ""};
}

static void aim(struct open_target *t, const struct ui *ui, const struct model *m, char *host,
                size_t size)
{
    bool services =
        ui->screen == SCREEN_SERVICE || (ui->screen == SCREEN_MAIN && ui->focus == PANE_SERVICES);
    if (ui->screen == SCREEN_DEVICES || ui->screen == SCREEN_DEVICE)
        aim_at_device(t, paged_list_selected(ui, m, PAGED_DEVICES), host, size);
    else if (ui->screen == SCREEN_HISTORY)
        aim_at_stream(t, m, paged_list_selected(ui, m, PAGED_CLOSED));
    else if (!services)
        aim_at_stream(t, m, model_stream(m, ui_selected(ui, m)));
    else if (ui->service[0] != '\0')
        aim_at_service(t, service_find(m, ui->service));
}

unsigned ui_ask_open(struct ui *ui, struct model *m, uint32_t key)
{
    char host[160];
    struct open_target t = target_of(ui, m);
    (void)key;
    if (ui->screen == SCREEN_MAIN && ui->focus == PANE_SERVICES)
        ui_step(ui, m, 0); /* turns "the first row" into a selection of its own */
    aim(&t, ui, m, host, sizeof host);
    open_command_make(&t, &ui->open);
    if (ui->open.how == OPEN_NOTHING)
        ui_say(ui, true, "%.190s", ui->open.text);
    else
        ui->prompt = PROMPT_OPEN;
    return UI_NOTHING;
}

static unsigned open_key(struct ui *ui, uint32_t key)
{
    bool runs = key == UIKEY_ENTER && ui->open.how != OPEN_PRINT;
    if (key == 'y' && ui->copy) {
        snprintf(ui->copied, sizeof ui->copied, "%s", ui->open.text);
        ui->prompt = PROMPT_NONE;
        ui_say(ui, false, "copied %.150s", ui->copied);
        return UI_COPY;
    }
    ui->prompt = PROMPT_NONE;
    if (!runs && ui->open.how != OPEN_PRINT)
        ui_say(ui, false, "not opened");
    return runs ? UI_OPEN : UI_NOTHING;
}

/* ---- writing a file ---- */

unsigned ui_ask_export(struct ui *ui, struct model *m, uint32_t key)
{
    size_t n;
    (void)key;
    export_noun(ui, m, &n);
    if (n == 0)
        ui_say(ui, true, "there is nothing on the screen to write");
    else
        ui->prompt = PROMPT_EXPORT;
    return UI_NOTHING;
}

static unsigned export_key(struct ui *ui, uint32_t key)
{
    ui->prompt = PROMPT_NONE;
    if (key != 'j' && key != 'c') {
        ui_say(ui, false, "nothing is written");
        return UI_NOTHING;
    }
    ui->format = key == 'c' ? EXPORT_CSV : EXPORT_JSON;
    return UI_EXPORT;
}

/* ---- answers ---- */

unsigned ui_ask_key(struct ui *ui, struct model *m, uint32_t key)
{
    (void)m;
    if (!came_alone(ui))
        return UI_NOTHING;
    switch (ui->prompt) {
    case PROMPT_CLOSE:
        return close_key(ui, key);
    case PROMPT_OPEN:
        return open_key(ui, key);
    case PROMPT_EXPORT:
        return export_key(ui, key);
    default: /* PROMPT_GATHER */
        ui->prompt = PROMPT_NONE;
        ui_say(ui, false, "kept");
        return UI_REFRESH;
    }
}
