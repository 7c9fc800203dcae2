/* libuv's errors as enum err. */
#ifndef CORE_NET_UV_ERROR_H
#define CORE_NET_UV_ERROR_H

#include "core/base/err.h"

/* The error for a negative libuv status. */
enum err err_from_uv(int status);

#endif
