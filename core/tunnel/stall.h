/* Who has to go so that the others can go on: readers that have stopped while the memory budget is
 * used up, or while they hold up a session of V1 to V3; and local sides that have left without
 * being read (share/doc/native.md, "Memory"). */
#ifndef CORE_TUNNEL_STALL_H
#define CORE_TUNNEL_STALL_H

#include "core/tunnel/conn_host.h"

bool stall_init(struct conn_host *h); /* Makes both timers. False: no memory. */
void stall_free(struct conn_host *h);

#endif
