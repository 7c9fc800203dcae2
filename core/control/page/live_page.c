#include "core/control/page/live_page.h"

#include "core/control/control.h"
#include "core/control/page/page_document.h"
#include "page_files.h"

#include <stdio.h>
#include <string.h>

/* No resource of another place, no frame around it, nothing guessed, nothing kept. */
#define HEADERS                                                                                    \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "          \
    "form-action 'none'\r\n"                                                                       \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "X-Frame-Options: DENY\r\n"                                                                    \
    "Referrer-Policy: no-referrer\r\n"                                                             \
    "Cross-Origin-Resource-Policy: same-origin\r\n"                                                \
    "Cross-Origin-Opener-Policy: same-origin\r\n"

static const struct option table[] = {
    {.name = "page",
     .argument = "own|all|off",
     .fallback = "own",
     .help =
         "Who on this machine may look at the page for browsers: the user who runs the program, "
         "and root; all users; or nobody.",
     .flags = OPTION_EXACT | OPTION_START},
};
const struct option_group live_page_options = OPTION_GROUP("Page", table);

enum err live_page_check(struct options *o)
{
    static const char *const values[] = {"own", "all", "off"};
    const char *page = options_get(o, "page");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(page, values[i]) == 0)
            return ERR_OK;
    return options_reject(o, "page", "is neither own nor all nor off");
}

bool live_page_shows(const struct options *o, const struct live_page_client *c)
{
    const char *page = options_get(o, "page");
    if (strcmp(page, "off") == 0 || !c->local)
        return false;
    return strcmp(page, "all") == 0 || c->ours || c->known;
}

static const struct part {
    const char *path, *type;
    bool document; /* a link of another site may lead here */
    void (*write)(struct monitor *m, struct span query, struct buf *out);
    struct span bytes; /* without write */
} parts[] = {
    {"/", "text/html; charset=utf-8", true, page_document, {NULL, 0}},
    {"/page/data", "text/html; charset=utf-8", false, page_middle, {NULL, 0}},
    {"/page/page.css",
     "text/css; charset=utf-8",
     false,
     NULL,
     {(const char *)page_css, sizeof page_css}},
    {"/page/page.js",
     "text/javascript; charset=utf-8",
     false,
     NULL,
     {(const char *)page_js, sizeof page_js}},
};

static const struct part *part_at(struct span path)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (span_is(path, parts[i].path))
            return &parts[i];
    return NULL;
}

bool live_page_has(struct span path)
{
    return part_at(path) != NULL;
}

/* ---- other pages of the same browser ---- */

static bool header_is(const struct http_head *head, const char *name, const char *value)
{
    return span_is_nocase(http_header(head, name), value);
}

/* Origin as a browser would send it from this page itself, or none at all. */
static bool is_own_origin(const struct http_head *head)
{
    struct span origin = http_header(head, "Origin");
    static const char scheme[] = "http://";
    if (origin.p == NULL)
        return true;
    return origin.n >= sizeof scheme - 1 && memcmp(origin.p, scheme, sizeof scheme - 1) == 0 &&
           span_equal_nocase(
               (struct span){origin.p + sizeof scheme - 1, origin.n - (sizeof scheme - 1)},
               http_header(head, "Host"));
}

/* Browsers say who has a request made (Fetch Metadata); other clients say nothing. Another port of
 * this machine is "same-site", and as foreign as any other. */
static bool is_foreign(const struct part *part, const struct http_head *head)
{
    bool told = http_header(head, "Sec-Fetch-Site").p != NULL;
    bool own = header_is(head, "Sec-Fetch-Site", "same-origin") ||
               header_is(head, "Sec-Fetch-Site", "none");
    bool visit = part->document && header_is(head, "Sec-Fetch-Mode", "navigate") &&
                 header_is(head, "Sec-Fetch-Dest", "document");
    return !is_own_origin(head) || (told && !own && !visit);
}

/* A proxy on this machine would pass for a client on this machine, whoever its client is. */
static bool is_passed_on(const struct http_head *head)
{
    static const char *const names[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (http_header(head, names[i]).p != NULL)
            return true;
    return false;
}

static const char *refusal(const struct part *part, const struct http_head *head)
{
    if (is_passed_on(head))
        return "This page is for clients on this machine, and not behind a proxy: use ssh -L.\n";
    if (is_foreign(part, head))
        return "Other pages cannot read this one: open it by itself.\n";
    return NULL;
}

/* ---- answers ---- */

void live_page_answer(struct monitor *m, const struct http_head *head, struct span path,
                      struct span query, struct buf *memory, struct http_response *out)
{
    const struct part *part = part_at(path);
    const char *why = part != NULL ? refusal(part, head) : "Nothing is here.\n";
    *out = (struct http_response){.status = part != NULL ? 403 : 404,
                                  .type = "text/plain; charset=utf-8",
                                  .headers = HEADERS,
                                  .body = span_of(why)};
    if (why != NULL)
        return;
    out->status = 200;
    out->type = part->type;
    out->body = part->bytes;
    if (part->write == NULL)
        return;
    part->write(m, query, memory);
    out->body = (struct span){(const char *)memory->data, memory->size};
}

/* ---- at an operations listener ---- */

static void answer(struct control *c, struct admin_request *r, struct span path, struct span query)
{
    struct buf memory = {.limit = LIVE_PAGE_MAX};
    struct http_response out;
    const struct live_page_client who = {.local = admin_is_local(r), .ours = admin_is_ours(r)};
    if (!live_page_shows(control_ops(c), &who)) {
        admin_answer_text(r, 403,
                          "This page is for the user who runs this program and for root, on this "
                          "machine: see --page, and ssh -L from another.\n");
        return;
    }
    live_page_answer(control_monitor(c), admin_head(r), path, query, &memory, &out);
    admin_answer_response(r, &out);
    buf_free(&memory);
}

#define PART(name, i)                                                                              \
    static void name(void *owner, struct admin_request *c, struct span rest, struct span query)    \
    {                                                                                              \
        (void)rest;                                                                                \
        answer(owner, c, span_of(parts[i].path), query);                                           \
    }
PART(document, 0)
PART(data, 1)
PART(style, 2)
PART(script, 3)

const struct admin_page live_pages[LIVE_PAGES] = {
    {"GET", "/", document},
    {"GET", "/page/data", data},
    {"GET", "/page/page.css", style},
    {"GET", "/page/page.js", script},
};
