/* The console and the faults of the emulated board. */
#ifndef BOARD_H
#define BOARD_H

/* Opens the console; nothing is printed before it. */
void board_init(void);

#endif
