/* The STM32N6570-DK after board_init(): CPU and buses at 64 MHz, caches on, text on USART1. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define BOARD_HSI_HZ 64000000u /* the internal oscillator, which USART1 stays on */
#ifndef BOARD_CPU_HZ           /* else what main() sets it to */
#define BOARD_CPU_HZ BOARD_HSI_HZ
#endif
#define BOARD_INTERRUPTS 195u

/* Called by the reset handler before main(). */
void board_init(void);

/* Opens USART1; console_write() needs it. */
void board_console_init(void);

/* Called again and again while the program waits for somebody, so that a watchdog, where there is
 * one, knows that it is not stuck. */
void board_alive(void);

/* Prints a line of what the hardware says of a failure, where there is anything to say. */
void board_diagnose(void);

#endif
