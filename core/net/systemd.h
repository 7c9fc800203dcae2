/* What systemd offers to a service it starts, without its library: readiness messages
 * (sd_notify(3), a datagram to $NOTIFY_SOCKET) and listening sockets that it opened
 * (sd_listen_fds(3)). Outside of systemd both do nothing. */
#ifndef CORE_NET_SYSTEMD_H
#define CORE_NET_SYSTEMD_H

#include "core/base/err.h"

#include <stddef.h>

/* Writes the descriptors that were passed to this process into fds, at most max of them, and
 * returns how many. They are set close-on-exec, and the environment variables are removed, so that
 * children do not take the descriptors for theirs. To be called once, at the start, before there
 * are threads. */
size_t systemd_sockets(int *fds, size_t max);

/* Sends "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…" or "STATUS=…". ERR_OK also when no
 * service manager listens; ERR_IO when it could not be sent. */
enum err systemd_notify(const char *state);

#endif
