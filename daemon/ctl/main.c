/* cppsctl: see command.h. */
#include "ctl/command.h"

#include <errno.h>
#include <fcntl.h>

/* Where a standard stream is closed, the next socket would take its number, and be read from or printed into. */
static void hold_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null", O_RDONLY);
}

int main(int argc, char **argv)
{
	hold_standard_streams();
	return (int)ctl_main(argc, argv);
}
