#include "core/http/chunks.h"

#include "core/http/token.h"

#define SIZE_MOST ((uint64_t)INT64_MAX)

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(uint8_t c)
{
    return (c >= ' ' && c != 127) || c == '\t';
}

static enum chunks_at digit(struct chunks *c, uint8_t byte)
{
    int value = digit_of(byte);
    if (value < 0 || c->left > (SIZE_MOST - (uint64_t)value) >> 4)
        return CHUNKS_BROKEN;
    c->left = c->left << 4 | (uint64_t)value;
    return CHUNKS_DIGITS;
}

/* Returns the state after a byte that follows a size. */
static enum chunks_at behind_size(uint8_t byte)
{
    return byte == '\r'  ? CHUNKS_SIZE_LF
           : byte == ';' ? CHUNKS_EXTENSION
           : byte == ' ' ? CHUNKS_BLANKS
                         : CHUNKS_BROKEN;
}

static enum chunks_at only(uint8_t byte, uint8_t wanted, enum chunks_at next)
{
    return byte == wanted ? next : CHUNKS_BROKEN;
}

/* Returns the state inside a text that a line end follows. */
static enum chunks_at text(uint8_t byte, enum chunks_at here, enum chunks_at end)
{
    return byte == '\r' ? end : is_text(byte) ? here : CHUNKS_BROKEN;
}

static enum chunks_at step(struct chunks *c, uint8_t byte)
{
    switch (c->at) {
    case CHUNKS_SIZE:
        c->left = 0;
        return digit(c, byte);
    case CHUNKS_DIGITS:
        return digit_of(byte) >= 0 ? digit(c, byte) : behind_size(byte);
    case CHUNKS_BLANKS:
        return behind_size(byte);
    case CHUNKS_EXTENSION:
        return text(byte, CHUNKS_EXTENSION, CHUNKS_SIZE_LF);
    case CHUNKS_SIZE_LF:
        return only(byte, '\n', c->left > 0 ? CHUNKS_DATA : CHUNKS_LINE);
    case CHUNKS_DATA_CR:
        return only(byte, '\r', CHUNKS_DATA_LF);
    case CHUNKS_DATA_LF:
        return only(byte, '\n', CHUNKS_SIZE);
    case CHUNKS_LINE:
        return byte == '\r' ? CHUNKS_LAST_LF : is_token_byte(byte) ? CHUNKS_NAME : CHUNKS_BROKEN;
    case CHUNKS_NAME:
        return byte == ':' ? CHUNKS_VALUE : is_token_byte(byte) ? CHUNKS_NAME : CHUNKS_BROKEN;
    case CHUNKS_VALUE:
        return text(byte, CHUNKS_VALUE, CHUNKS_LINE_LF);
    case CHUNKS_LINE_LF:
        return only(byte, '\n', CHUNKS_LINE);
    case CHUNKS_LAST_LF:
        return only(byte, '\n', CHUNKS_DONE);
    default:
        return CHUNKS_BROKEN;
    }
}

static size_t data(struct chunks *c, const uint8_t *p, size_t n, http_body_content *content,
                   void *owner)
{
    size_t take = n < c->left ? n : (size_t)c->left;
    c->left -= take;
    c->framing = 0;
    if (c->left == 0)
        c->at = CHUNKS_DATA_CR;
    if (content != NULL)
        content(owner, p, take);
    return take;
}

long chunks_feed(struct chunks *c, const uint8_t *p, size_t n, http_body_content *content,
                 void *owner)
{
    size_t used = 0;
    while (used < n && c->at < CHUNKS_DONE) {
        if (c->at == CHUNKS_DATA) {
            used += data(c, p + used, n - used, content, owner);
            continue;
        }
        if (c->framing++ == CHUNKS_FRAMING_MAX)
            c->at = CHUNKS_BROKEN;
        else
            c->at = step(c, p[used++]);
    }
    return c->at == CHUNKS_BROKEN ? -(long)ERR_PROTOCOL : (long)used;
}
