/* USART1, which the board wires to the ST-LINK's virtual COM port: PE5 sends, PE6 receives. */
#include "board.h"
#include "console.h"
#include "host_link.h"
#include "registers.h"

#define BAUD 921600u
#define DIVISOR ((BOARD_HSI_HZ + BAUD / 2u) / BAUD)
#define ACTUAL_BAUD (BOARD_HSI_HZ / DIVISOR)
/* The HSI itself may be off by as much again; a receiver takes 3 %. */
_Static_assert(ACTUAL_BAUD >= BAUD - BAUD / 100u && ACTUAL_BAUD <= BAUD + BAUD / 100u,
               "the HSI does not divide to this baud rate within 1 %");

#define TX_PIN 5u
#define RX_PIN 6u
#define ALTERNATE_FUNCTION_USART1 7u

/* A field of two bits a pin. */
static void set_pin_field(volatile uint32_t *field, uint32_t pin, uint32_t value) {
    *field = (*field & ~(3u << (2u * pin))) | (value << (2u * pin));
}

static void init_pin(uint32_t pin) {
    GPIOE_AFRL = (GPIOE_AFRL & ~(15u << (4u * pin))) | (ALTERNATE_FUNCTION_USART1 << (4u * pin));
    set_pin_field(&GPIOE_OSPEEDR, pin, 2u); /* high */
    set_pin_field(&GPIOE_PUPDR, pin, 1u);   /* pull up: idle while nobody drives the line */
    set_pin_field(&GPIOE_MODER, pin, 2u);   /* alternate function */
}

void board_console_init(void) {
    RCC_AHB4ENR |= RCC_AHB4ENR_GPIOEEN;
    (void)RCC_AHB4ENR; /* the clock runs when the write has arrived */
    init_pin(TX_PIN);
    init_pin(RX_PIN);
    RCC_CCIPR13 = (RCC_CCIPR13 & ~RCC_CCIPR13_USART1SEL) | RCC_CCIPR13_USART1SEL_HSI;
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR;
    RCC_APB2RSTR |= RCC_APB2RSTR_USART1RST;
    RCC_APB2RSTR &= ~RCC_APB2RSTR_USART1RST;
    USART1_BRR = DIVISOR;
    /* 8N1, 16 samples a bit; the FIFO keeps what comes while a byte is dealt with */
    USART1_CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE | USART_CR1_FIFOEN;
    SYST_RVR = BOARD_CPU_HZ / 1000u - 1u; /* the system timer wraps every millisecond */
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_ENABLE;
}

int console_read(uint32_t timeout_ms) {
    SYST_CVR = 0u; /* clears the wrap as well */
    for (uint32_t waited_ms = 0; waited_ms < timeout_ms;) {
        if ((USART1_ISR & USART_ISR_RXFNE) != 0u) {
            return (int)(USART1_RDR & 0xFFu);
        }
        /* After an overrun nothing would come any more; what is lost, a checksum finds. */
        USART1_ICR = USART_ICR_ERRORS;
        board_alive();
        waited_ms += (SYST_CSR & SYST_CSR_COUNTFLAG) != 0u ? 1u : 0u;
    }
    return -1;
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
