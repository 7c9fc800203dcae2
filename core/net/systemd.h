/* What systemd offers to a service it starts, without its library: readiness messages
 * (sd_notify(3), a datagram to $NOTIFY_SOCKET) and listening sockets that it opened
 * (sd_listen_fds(3)). Outside of systemd both do nothing. */
#ifndef CORE_NET_SYSTEMD_H
#define CORE_NET_SYSTEMD_H

#include "core/base/err.h"

#include <stddef.h>

/* The descriptors passed to this process, at most max of them: how many. They are set
 * close-on-exec, and the environment variables are removed, so that children do not take them for
 * theirs. Once, at start, before threads. */
size_t systemd_sockets(int *fds, size_t max);

/* "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…", "STATUS=…". ERR_OK also when nobody
 * listens; ERR_IO when it could not be sent. */
enum err systemd_notify(const char *state);

#endif
