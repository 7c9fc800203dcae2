/* tunnelctl manages a hub's tunnels from the shell. */
#include "core/base/process.h"
#include "core/net/loop.h"
#include "gateway/ctl/ctl.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct ctl c = {0};
    process_begin();
    signal(SIGPIPE, SIG_IGN);
    int code = ctl_main(&c, argc, argv);
    loop_exit(code);
}
