/* Who is on the other side, as a native hub says. */
#include "core/base/log.h"
#include "core/tunnel/internal.h"

#include <stdio.h>

static void copy_text(char *out, size_t size, struct span text)
{
    snprintf(out, size, "%.*s", (int)text.n, text.p);
}

void session_take_peer(struct session *s, const struct frame *f)
{
    struct session_peer *p = &s->peer;
    char device[4 * sizeof p->device];
    if (!s->transport.native)
        return; /* nobody but a native hub may say that */
    *p = (struct session_peer){.attached = f->attached};
    copy_text(p->subprotocol, sizeof p->subprotocol, f->subprotocol);
    copy_text(p->instance, sizeof p->instance, f->instance);
    copy_text(p->device, sizeof p->device, f->device);
    p->native = p->attached && span_is(f->subprotocol, FRAME_NATIVE_PROTOCOL);
    log_debug("%s: %s is on the other side%s%s", s->name,
              !p->attached ? "nobody"
              : p->native  ? "a native end"
                           : "an end that is not native",
              p->device[0] != '\0' ? " of " : "",
              str_escape(span_of(p->device), device, sizeof device));
}
