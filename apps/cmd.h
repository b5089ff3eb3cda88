/* The commands: int cmd_NAME(int argc, char **argv), argv[0] being the name; returns the exit status. */
#ifndef TAPIR_APPS_CMD_H
#define TAPIR_APPS_CMD_H

#define COMMAND(name, summary) int cmd_##name(int argc, char **argv);
#include "apps/cmd.def"
#undef COMMAND

#endif
