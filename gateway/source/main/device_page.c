#include "gateway/source/main/device_page.h"

#include "gateway/source/pages.h"
#include "gateway/source/proxy.h"

#include <stdlib.h>

/* One client. */
struct visit {
    struct list node;
    const struct names *names;
    struct inbound_wait *wait;
    struct pages_question question;
    struct device_list *list;
};

static void release(struct visit *v)
{
    list_remove(&v->node);
    free(v);
}

static void on_left(void *ctx)
{
    struct visit *v = ctx;
    device_list_cancel(v->list);
    release(v);
}

static void on_list(void *owner, const char *problem, struct span rows)
{
    struct visit *v = owner;
    struct buf words = {.limit = 2 * DEVICE_LIST_MAX};
    const struct pages_view view = {.names = v->names, .device_rows = rows};
    const struct proxy_answer failed = {
        .status = 502, .reason = problem, .error = err_name(ERR_HUB_DOWN)};
    bool good = problem != NULL ? proxy_answer_write(&failed, &words)
                                : pages_answer(&view, &v->question, &words);
    if (!good)
        buf_free(&words);
    inbound_wait_over(v->wait, &words);
    release(v);
}

void device_page_init(struct device_page *p)
{
    list_init(&p->waiting);
}

void device_page_end(struct device_page *p)
{
    while (!list_empty(&p->waiting)) {
        struct visit *v = list_entry(p->waiting.next, struct visit, node);
        device_list_cancel(v->list);
        on_list(v, "the gateway's configuration has changed: ask again", span_of(""));
    }
}

bool device_page_later(struct device_page *p, const struct devices_api *api,
                       const struct names *names, const struct inbound_page *page,
                       struct inbound_wait *w)
{
    const struct pages_question q = {.head = page->head,
                                     .path = page->request->path,
                                     .listener = page->listener,
                                     .trusted = page->trusted};
    struct visit *v = span_is(q.path, "/devices") && pages_grants(&q) ? calloc(1, sizeof *v) : NULL;
    if (v == NULL)
        return false;
    *v = (struct visit){.names = names, .wait = w, .question = q};
    v->list = device_list_start(
        &(struct device_list_options){.api = api, .names = names, .done = on_list, .owner = v});
    if (v->list == NULL) {
        free(v);
        return false;
    }
    list_init(&v->node);
    list_append(&p->waiting, &v->node);
    w->cancel = on_left;
    w->ctx = v;
    return true;
}
