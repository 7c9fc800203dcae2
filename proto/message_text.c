#include "proto/message_text.h"

/* Takes the rest of the stream, which is the text of one field. False: its field has another wire
 * type, and nanopb gives it from a copy on the stack, which cannot be viewed. */
static bool view(pb_istream_t *stream, const struct message_input *in, struct span *out)
{
    struct span s = {stream->state, stream->bytes_left};
    uintptr_t at = (uintptr_t)s.p, begin = (uintptr_t)in->p, end = begin + in->n;
    if (at < begin || at > end || s.n > end - at || !pb_read(stream, NULL, s.n))
        return false;
    *out = s;
    return true;
}

/* ---- decoding ---- */

static bool on_text(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    const struct message_text *t = *arg;
    (void)field;
    return view(stream, t->in, t->out);
}

pb_callback_t message_text_read(struct message_text *t)
{
    return (pb_callback_t){.funcs.decode = on_text, .arg = t};
}

static bool on_texts(pb_istream_t *stream, const pb_field_t *field, void **arg)
{
    const struct message_texts *t = *arg;
    struct span s;
    (void)field;
    if (!view(stream, t->in, &s))
        return false;
    if (*t->n < t->max)
        t->out[(*t->n)++] = s;
    return true;
}

pb_callback_t message_text_read_all(struct message_texts *t)
{
    return (pb_callback_t){.funcs.decode = on_texts, .arg = t};
}

/* ---- encoding ---- */

static bool put(pb_ostream_t *stream, const pb_field_t *field, struct span text)
{
    return pb_encode_tag_for_field(stream, field) &&
           pb_encode_string(stream, (const pb_byte_t *)text.p, text.n);
}

static bool put_text(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const struct span *text = *arg;
    return text->n == 0 || put(stream, field, *text);
}

pb_callback_t message_text_write(const struct span *text)
{
    return (pb_callback_t){.funcs.encode = put_text, .arg = (void *)(uintptr_t)text};
}

static bool put_texts(pb_ostream_t *stream, const pb_field_t *field, void *const *arg)
{
    const struct message_texts_out *t = *arg;
    for (size_t i = 0; i < t->n; i++)
        if (!put(stream, field, t->texts[i]))
            return false;
    return true;
}

pb_callback_t message_text_write_all(const struct message_texts_out *t)
{
    return (pb_callback_t){.funcs.encode = put_texts, .arg = (void *)(uintptr_t)t};
}
