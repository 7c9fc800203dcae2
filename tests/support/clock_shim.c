/* A wall clock for another program, to be preloaded (LD_PRELOAD): the system's, and so many seconds
 * more, which the file CLOCK_SHIM holds as an int64_t and a test changes while the program runs.
 * The monotonic clock stays as it is. (libfaketime does not work with redis-server.) */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t offset(void)
{
    static const volatile int64_t *seconds;
    static const int64_t none;
    if (seconds == NULL) {
        const char *path = getenv("CLOCK_SHIM");
        int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *map =
            fd >= 0 ? mmap(NULL, sizeof *seconds, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        seconds = map != MAP_FAILED ? map : &none;
        if (fd >= 0)
            close(fd);
    }
    return *seconds;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
