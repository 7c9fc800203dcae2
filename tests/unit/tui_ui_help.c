#include "tests/unit/tui_ui_help.h"

#define TUNNELS "\"tunnels\":[{\"name\":\"pump\",\"state\":\"up\"}],"

const char four[] = HEAD TUNNELS SERVICES "\"streams\":[" FOUR "]}";

void show(struct dashboard *d, const char *json)
{
    struct snapshot s;
    char problem[200] = "";
    if (snapshot_read(span_of(json), &s, problem, sizeof problem) != ERR_OK)
        fail_msg("%s", problem);
    model_take(&d->m, &s, 1);
    ui_settle(&d->ui, &d->m);
}

int setup(void **state)
{
    struct dashboard *d = calloc(1, sizeof *d);
    assert_non_null(d);
    model_init(&d->m, "/run/x.sock");
    ui_init(&d->ui);
    show(d, four);
    *state = d;
    return 0;
}

int teardown(void **state)
{
    struct dashboard *d = *state;
    model_free(&d->m);
    free(d);
    return 0;
}

unsigned press(struct dashboard *d, uint32_t key)
{
    return ui_key(&d->ui, &d->m, key);
}

void type(struct dashboard *d, const char *text)
{
    for (; *text != '\0'; text++)
        assert_int_equal(press(d, (unsigned char)*text), UI_NOTHING);
}

size_t listed(const struct dashboard *d)
{
    struct order o = order_streams(&d->ui, &d->m);
    size_t n = o.n;
    order_free(&o);
    return n;
}

uint64_t selected(const struct dashboard *d)
{
    struct stream_list l = stream_list_of(&d->ui, &d->m);
    struct list_row r = stream_list_row(&l, &d->m, stream_list_selected(&l, &d->ui, &d->m));
    uint64_t id = r.stream != NULL ? r.stream->id : 0;
    stream_list_free(&l);
    return id;
}
