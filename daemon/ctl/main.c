/* cppsctl: see command.h. */
#include "ctl/command.h"

int main(int argc, char **argv)
{
	return (int)ctl_main(argc, argv);
}
