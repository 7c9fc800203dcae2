#include "core/net/uv_error.h"

#include <uv.h>

static const struct {
    int status;
    enum err why;
} statuses[] = {
    {UV_ECONNREFUSED, ERR_REFUSED},
    {UV_EHOSTUNREACH, ERR_UNREACHABLE},
    {UV_ENETUNREACH, ERR_UNREACHABLE},
    {UV_EHOSTDOWN, ERR_UNREACHABLE},
    {UV_ENETDOWN, ERR_UNREACHABLE},
    {UV_EADDRNOTAVAIL, ERR_UNREACHABLE},
    {UV_ETIMEDOUT, ERR_TIMEOUT},
    {UV_ECONNRESET, ERR_RESET},
    {UV_EPIPE, ERR_RESET},
    {UV_ECONNABORTED, ERR_RESET},
    {UV_ENOTCONN, ERR_RESET},
    {UV_EMFILE, ERR_NO_DESCRIPTORS},
    {UV_ENFILE, ERR_NO_DESCRIPTORS},
    {UV_ENOMEM, ERR_NO_MEMORY},
    {UV_ENOBUFS, ERR_NO_MEMORY},
    {UV_EADDRINUSE, ERR_ADDRESS_IN_USE},
    {UV_EACCES, ERR_PERMISSION},
    {UV_EPERM, ERR_PERMISSION},
    {UV_ENOENT, ERR_NOT_FOUND},
    {UV_EOF, ERR_EOF},
    {UV_EAI_AGAIN, ERR_RESOLVE},
    {UV_EAI_FAIL, ERR_RESOLVE},
    {UV_EAI_NONAME, ERR_RESOLVE},
    {UV_EAI_NODATA, ERR_RESOLVE},
    {UV_EAI_FAMILY, ERR_RESOLVE},
    {UV_EAI_ADDRFAMILY, ERR_RESOLVE},
    {UV_EAI_SERVICE, ERR_RESOLVE},
    {UV_ECANCELED, ERR_SHUTDOWN},
    {UV_EINVAL, ERR_USAGE},
    {UV_ENAMETOOLONG, ERR_USAGE},
    {UV_EAFNOSUPPORT, ERR_UNREACHABLE},
    {UV_EAI_MEMORY, ERR_NO_MEMORY},
    {UV_EAGAIN, ERR_REFUSED}, /* connect(2) to a unix socket whose queue is full */
};

enum err err_from_uv(int status)
{
    if (status >= 0)
        return ERR_OK;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return statuses[i].why;
    return ERR_IO;
}
