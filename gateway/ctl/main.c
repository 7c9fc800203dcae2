/* tunnelctl: the tunnels of a hub from the shell. */
#include "core/base/log.h"
#include "core/net/loop.h"
#include "gateway/ctl/ctl.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
    struct ctl c = {0};
    const struct rlimit none = {0, 0};
    signal(SIGPIPE, SIG_IGN);
    if (setrlimit(RLIMIT_CORE, &none) != 0) /* keys and tokens do not belong into a core file */
        log_debug("core files could not be switched off");
    int code = ctl_main(&c, argc, argv);
    loop_exit(code);
}
