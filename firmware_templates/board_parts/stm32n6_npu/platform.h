/* What the NPU needs of the chip and the board before the network can run. */
#ifndef PLATFORM_H
#define PLATFORM_H

/* Everything, in the order it depends on each other. NULL, or what did not start. */
const char *platform_start(void);

/* The steps of it. */
const char *clocks_init(void);
void memories_power_on(void);
const char *flash_init(void);
const char *external_ram_init(void);

#endif
