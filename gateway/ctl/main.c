/* tunnelctl manages a hub's tunnels from the shell. */
#include "core/base/process.h"
#include "core/base/text.h"
#include "core/net/loop.h"
#include "core/tls/tls.h"
#include "gateway/ctl/ctl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct ctl c = {0};
    char problem[256];
    process_begin();
    signal(SIGPIPE, SIG_IGN);
    if (!tls_cpu_valid(problem, sizeof problem)) {
        text_line(stderr, "tunnelctl: %s", problem);
        return EXIT_FAILURE;
    }
    int code = ctl_main(&c, argc, argv);
    loop_exit(code);
}
