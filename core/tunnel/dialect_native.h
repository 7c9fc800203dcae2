/* Native connections (share/doc/native.md): how they begin, what comes for them, how they end. */
#ifndef CORE_TUNNEL_DIALECT_NATIVE_H
#define CORE_TUNNEL_DIALECT_NATIVE_H

#include "core/tunnel/native_internal.h"

extern const struct dialect_ops native_ops;
struct conn *native_find(const struct native *n, uint32_t id);
/* A frame of a connection came. False: it cannot take more now; the frame must come again. */
bool native_frame(struct native *n, const struct frame *f);
/* The reason of a connection whose two directions have ended well: which side was the first. */
enum err native_end(const struct conn *c);

#endif
