/*
 * How often a second the disk takes a page of a file and says that it holds it, which bounds
 * commits.
 *
 *   sync_rate FILE SECONDS
 *
 * Overwrites one page after the other of a file of 16 MiB, each followed by fdatasync, as a commit
 * does with its data; the file is removed. Prints syncs a second.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES 4096

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static const char page[PAGE] = {1};
    double begun, lasted, wanted = argc == 3 ? strtod(argv[2], NULL) : 0;
    int fd;
    long n = 0;

    if (!(wanted > 0)) {
        fprintf(stderr, "usage: sync_rate FILE SECONDS\n");
        return 2;
    }
    fd = open(argv[1], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || posix_fallocate(fd, 0, (off_t)PAGE * PAGES) != 0 || fsync(fd) != 0)
        die(argv[1]);
    begun = seconds();
    do {
        if (pwrite(fd, page, sizeof(page), (off_t)PAGE * (n % PAGES)) != (ssize_t)sizeof(page) ||
            fdatasync(fd) != 0)
            die(argv[1]);
        n++;
        lasted = seconds() - begun;
    } while (lasted < wanted);
    printf("%.0f\n", (double)n / lasted);
    close(fd);
    unlink(argv[1]);
    return 0;
}
