#include "core/ws/ws_server.h"

#include <stdio.h>

#define ANSWER_LIMIT 512

bool ws_answer(struct stream *s, const struct ws_response *r)
{
    struct buf out = {.limit = ANSWER_LIMIT};
    bool ok = ws_response_write(r, &out);
    if (ok)
        stream_write(s, out.data, out.size);
    buf_free(&out);
    return ok;
}

void ws_closed_words(enum err why, int code, const char *text, char out[static WS_WORDS_SIZE])
{
    if (code > 0 && text[0] != '\0')
        snprintf(out, WS_WORDS_SIZE, "it sent Close %d: %s", code, text);
    else if (code > 0)
        snprintf(out, WS_WORDS_SIZE, "it sent Close %d", code);
    else
        snprintf(out, WS_WORDS_SIZE, "%s", text[0] != '\0' ? text : err_text(why));
}
