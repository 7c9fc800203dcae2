#include "core/tunnel/refusal.h"

#include "core/http/later.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum when {
    NEVER_AGAIN, /* unless it is an HTML page, which no hub sends */
    IF_THE_HUBS, /* final when the hub itself says so */
    LATER
};

/* Those of 4xx that are not IF_THE_HUBS; all others than 4xx are LATER. */
static const struct {
    int status;
    enum when when;
} rules[] = {
    {400, NEVER_AGAIN}, {401, NEVER_AGAIN}, {403, NEVER_AGAIN}, {407, LATER}, {408, LATER},
    {421, LATER},       {425, LATER},       {426, LATER},       {429, LATER},
};

static enum when rule_of(int status)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].status == status)
            return rules[i].when;
    return status >= 400 && status < 500 ? IF_THE_HUBS : LATER;
}

static void add(struct refusal *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct refusal *out, const char *format, ...)
{
    size_t n = strlen(out->text);
    va_list args;
    va_start(args, format);
    vsnprintf(out->text + n, sizeof out->text - n, format, args);
    va_end(args);
}

/* Adds it as a quotation of at most `most` characters. */
static void add_quoted(struct refusal *out, struct span text, size_t most)
{
    char safe[400];
    str_escape(text, safe, most < sizeof safe ? most + 1 : sizeof safe);
    add(out, "%s", safe);
}

static bool is_html(const struct http_head *head, struct span body)
{
    struct span type = http_header(head, "Content-Type");
    return span_is_nocase(span_trim(span_cut(&type, ';')), "text/html") ||
           (body.n > 0 && body.p[0] == '<');
}

/* Where `word` begins in s, case-blind, or at its end. */
static size_t find(struct span s, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= s.n; i++)
        if (strncasecmp(s.p + i, word, n) == 0)
            return i;
    return s.n;
}

static struct span trim_all(struct span s)
{
    while (s.n > 0 && strchr("\r\n\t ", s.p[s.n - 1]) != NULL)
        s.n--;
    while (s.n > 0 && strchr("\r\n\t ", s.p[0]) != NULL)
        s.p++, s.n--;
    return s;
}

static struct span title_of(struct span page)
{
    static const char begin[] = "<title>";
    size_t at = find(page, begin) + sizeof begin - 1;
    if (at >= page.n)
        return (struct span){"", 0};
    struct span rest = {page.p + at, page.n - at};
    rest.n = find(rest, "</title");
    return trim_all(rest);
}

/* A page is for browsers: its title is enough. */
static void add_body(struct refusal *out, const struct http_head *head, struct span body)
{
    bool html = is_html(head, body);
    struct span said = html ? title_of(body) : body;
    if (http_header(head, "Content-Encoding").n > 0 || said.n == 0)
        return;
    add(out, html ? " (a page with the title \"" : ": ");
    add_quoted(out, said, html ? 80 : 300);
    add(out, html ? "\")" : "");
}

static void add_server(struct refusal *out, const struct http_head *head)
{
    struct span server = http_header(head, "Server");
    if (server.n == 0)
        server = http_header(head, "Via");
    if (server.n > 0)
        add_quoted(out, server, 60);
    else
        add(out, "something");
}

static void add_advice(struct refusal *out, const struct http_head *head)
{
    struct span to = http_header(head, "Location");
    if (head->status >= 300 && head->status < 400 && to.n > 0) {
        add(out, "; it points to ");
        add_quoted(out, to, 120);
    }
    if (head->status < 400)
        add(out, "; this network may want a login first, or the address is not the hub's");
    else if (head->status == 404)
        add(out, "; is /tunnel passed on to the hub there?");
}

void refusal_read(const struct http_head *head, struct span body, int64_t now_ms,
                  struct refusal *out)
{
    enum when when = rule_of(head->status);
    bool hubs = http_header(head, "channel-id").p != NULL;
    body = trim_all(body);
    bool final = hubs ? when != LATER : when == NEVER_AGAIN && !is_html(head, body);
    *out = (struct refusal){.final = final, .later_ms = -1};
    if (!final)
        out->later_ms = http_later(http_header(head, "Retry-After"), now_ms);
    if (head->status == 426) {
        add(out, "the WebSocket upgrade did not get through to the hub (HTTP 426): ");
        add_server(out, head);
        add(out, " in between takes it out, as a reverse proxy without its WebSocket lines does, "
                 "or a web proxy that looks into TLS");
    } else if (hubs || final) {
        add(out, "the hub refused: HTTP %d", head->status);
        add_body(out, head, body);
    } else {
        add(out, "HTTP %d ", head->status);
        add_quoted(out, head->reason, 60);
        add(out, "%sfrom ", head->reason.n > 0 ? ", " : "");
        add_server(out, head);
        add(out, " in the hub's place");
        add_body(out, head, body);
        add_advice(out, head);
    }
}
