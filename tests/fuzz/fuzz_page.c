/* Requests for a snapshot and for the page: whatever is asked for, and whatever clients call
 * themselves, a page of rows is a piece of all of them, and no text becomes HTML. */
#include "core/control/page/live_page.h"
#include "core/control/query.h"

#include <stdlib.h>
#include <string.h>

#define STREAMS 5
#define LONGEST 4096

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t now(void *clock)
{
    (void)clock;
    return 5000;
}

static int64_t wall(void *clock)
{
    (void)clock;
    return 1700000000000;
}

static void look(void *ctx, struct monitor_counters *out)
{
    const uint64_t *n = ctx;
    *out = (struct monitor_counters){.state = MONITOR_STREAM_OPEN, .down = *n, .up = 7 - *n};
}

static void snapshot(struct monitor *m, struct span query)
{
    struct json_writer w = {.bytes.limit = 1 << 20};
    struct query_texts texts;
    struct snapshot_query wanted;
    query_snapshot(query, &wanted, &texts);
    report_snapshot(m, &wanted, &w);
    check(!w.failed && w.bytes.size > 0);
    buf_free(&w.bytes);
}

/* Our own tags begin with a small letter, '/' or '!'; control characters are never there. */
static void harmless(struct span html)
{
    for (size_t i = 0; i < html.n; i++) {
        check(html.p[i] == '\n' || (unsigned char)html.p[i] >= 0x20);
        check(html.p[i] != '<' ||
              (i + 1 < html.n && (html.p[i + 1] == '/' || html.p[i + 1] == '!' ||
                                  (html.p[i + 1] >= 'a' && html.p[i + 1] <= 'z'))));
    }
    check(memmem(html.p, html.n, "<fuzz", 5) == NULL);
}

static void page(struct monitor *m, struct span query)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct http_reader *reader = http_reader_new(HTTP_REQUEST, 1024);
    struct buf memory = {.limit = LIVE_PAGE_MAX};
    struct http_response out;
    check(reader != NULL &&
          http_reader_feed(reader, (const uint8_t *)text, sizeof text - 1) == sizeof text - 1);
    live_page_answer(m, http_reader_head(reader), span_of("/page/data"), query, &memory, &out);
    check(out.status == 200);
    harmless(out.body);
    buf_free(&memory);
    http_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t counts[STREAMS] = {1, 5, 3, 2, 4};
    struct monitor_stream *streams[STREAMS];
    struct span query = {(const char *)data, size < LONGEST ? size : LONGEST};
    struct monitor *m = monitor_new(&(struct monitor_options){
        .program = "fuzz", .role = "source", .version = "0", .now = now, .wall = wall});
    char *name = span_dup(query);
    check(m != NULL && name != NULL);
    for (size_t i = 0; i < STREAMS; i++)
        streams[i] = monitor_stream_began(
            m, &(struct monitor_stream_info){
                   .client = name, .user = name, .asked = name, .look = look, .ctx = &counts[i]});
    monitor_stream_ended(streams[0], &(struct monitor_end){.why = ERR_EOF, .text = name});
    snapshot(m, query);
    page(m, query);
    for (size_t i = 1; i < STREAMS; i++)
        monitor_stream_ended(streams[i], &(struct monitor_end){.why = ERR_OK});
    free(name);
    monitor_free(m);
    return 0;
}
