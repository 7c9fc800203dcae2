/* What servers do with a WebSocket besides its frames: they let it begin, and tell how it went. */
#ifndef CORE_WS_WS_SERVER_H
#define CORE_WS_WS_SERVER_H

#include "core/net/stream.h"
#include "core/ws/handshake.h"

#define WS_WORDS_SIZE 256

/* Writes the 101 to a stream that takes all of it at once, as a buffered one does. False: no
 * memory, and nothing was written. */
bool ws_answer(struct stream *s, const struct ws_response *r);
/* How the client went, by what ws_events.closed was told: "it sent Close 1001: bye". */
void ws_closed_words(enum err why, int code, const char *text, char out[static WS_WORDS_SIZE]);

#endif
