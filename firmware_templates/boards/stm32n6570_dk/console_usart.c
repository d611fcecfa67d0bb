/* Text on USART1, which the board wires to the ST-LINK's virtual COM port: PE5 sends. PE6, which
 * would receive, is not used. */
#include "board.h"
#include "console.h"
#include "registers.h"

#define BAUD 921600u
#define DIVISOR ((BOARD_CPU_HZ + BAUD / 2u) / BAUD)
#define ACTUAL_BAUD (BOARD_CPU_HZ / DIVISOR)
/* The HSI itself may be off by as much again; a receiver takes 3 %. */
_Static_assert(ACTUAL_BAUD >= BAUD - BAUD / 100u && ACTUAL_BAUD <= BAUD + BAUD / 100u,
               "the HSI does not divide to this baud rate within 1 %");

#define TX_PIN 5u
#define ALTERNATE_FUNCTION_USART1 7u

/* A field of two bits a pin. */
static void set_pin_field(volatile uint32_t *field, uint32_t value) {
    *field = (*field & ~(3u << (2u * TX_PIN))) | (value << (2u * TX_PIN));
}

static void init_pin(void) {
    RCC_AHB4ENR |= RCC_AHB4ENR_GPIOEEN;
    (void)RCC_AHB4ENR; /* the clock runs when the write has arrived */
    GPIOE_AFRL =
        (GPIOE_AFRL & ~(15u << (4u * TX_PIN))) | (ALTERNATE_FUNCTION_USART1 << (4u * TX_PIN));
    set_pin_field(&GPIOE_OSPEEDR, 2u); /* high */
    set_pin_field(&GPIOE_PUPDR, 1u);   /* pull up: idle while the pin is not driven yet */
    set_pin_field(&GPIOE_MODER, 2u);   /* alternate function */
}

void board_console_init(void) {
    init_pin();
    RCC_CCIPR13 = (RCC_CCIPR13 & ~RCC_CCIPR13_USART1SEL) | RCC_CCIPR13_USART1SEL_HSI;
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR;
    RCC_APB2RSTR |= RCC_APB2RSTR_USART1RST;
    RCC_APB2RSTR &= ~RCC_APB2RSTR_USART1RST;
    USART1_BRR = DIVISOR;
    USART1_CR1 = USART_CR1_UE | USART_CR1_TE; /* 8N1, 16 samples a bit */
}

void console_write(const char *text, size_t length) {
    for (size_t i = 0; i < length; ++i) {
        while ((USART1_ISR & USART_ISR_TXE) == 0u) {
        }
        USART1_TDR = (uint8_t)text[i];
    }
    /* Until the last bit is out, since a sleeping CPU may stop the clock. */
    while ((USART1_ISR & USART_ISR_TC) == 0u) {
    }
}
