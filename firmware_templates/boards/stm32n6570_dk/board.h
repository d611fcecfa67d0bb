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

#endif
