/* SPDX-License-Identifier: Apache-2.0 */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/wdt.h>
#include <util/atomic.h>

#include "controller.h"
#include "hal.h"
#include "safety.h"
#include "timer.h"
#include "wire.h"

#define MASTER_PINS (_BV(PL0) | _BV(PL1))
#define MUX_PINS 0xF0
#define ESTOP_PIN _BV(PE5)
#define WHEEL_B_PIN _BV(PE3)
#define BYTE_TICKS (10ul * TICK_HZ / BOARD_BAUD)
/* From reading the clock for an answer to its first bit. */
#define ANSWER_TICKS 20u
#define ADC_REFERENCE_MV 5000ul
#define PRESSURE_CHANNEL 0
#define COIL_CHANNEL 1

/* The clock: timer 1 at 250 kHz, its upper half kept here. */
static volatile uint32_t clock_base;

static volatile bool timer_busy; /* timer_run() runs, or the main loop has the lock */
static volatile bool timer_missed;

/* Byte counters that wrap with the buffers. */
static volatile uint8_t rx_buffer[256];
static volatile uint8_t rx_in;
static uint8_t rx_out;
static volatile uint16_t delimiter_stamps[16];
static volatile uint8_t delimiters_in;
static uint8_t delimiters_out;
static uint16_t delimiter_stamp;
static volatile uint8_t tx_buffer[256];
static uint8_t tx_in;
static volatile uint8_t tx_out;

static volatile uint16_t wheel_count;
static volatile uint16_t wheel_stamp;
static volatile uint16_t flow_count;
static volatile bool strobe_waits;
static volatile uint16_t strobe_stamp;
static volatile uint16_t strobe_count;
static volatile uint16_t strobe_number;

static uint16_t EEMEM boot_cell;

/* The clock */

static uint32_t tick_of(uint16_t stamp)
{
    /* Any context; stamps are less than 262 ms old. */
    uint32_t now = hal_tick();

    return now - (uint16_t)((uint16_t)now - stamp);
}

uint32_t hal_tick(void)
{
    uint32_t now;

    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        now = clock_base + (uint16_t)(TCNT1 - (uint16_t)clock_base);
        clock_base = now;
    }
    return now;
}

/*
 * Runs the core's timer work with interrupts on, so that no byte and no edge is lost; what
 * comes due meanwhile, or while the main loop holds the lock, is done right afterwards.
 */
static void run_timer(void)
{
    if (timer_busy) {
        timer_missed = true;
        return;
    }
    timer_busy = true;
    for (;;) {
        uint16_t next;

        timer_missed = false;
        sei();
        next = (uint16_t)timer_run(hal_tick());
        cli();
        OCR1A = next;
        /* A moment that is over, or all but, makes no match any more. */
        if (!timer_missed && (int16_t)(next - TCNT1) > 2)
            break;
    }
    timer_busy = false;
}

ISR(TIMER1_COMPA_vect)
{
    run_timer();
}

void hal_lock(void)
{
    timer_busy = true;
    /* Nothing that the lock guards is read or written before it. */
    __asm__ volatile("" ::: "memory");
}

void hal_unlock(void)
{
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        timer_busy = false;
        if (timer_missed)
            run_timer();
    }
}

/* Outputs */

void hal_valve(uint8_t valve, bool on)
{
    uint8_t bit;
    volatile uint8_t *port;

    if (valve < 8) {
        port = &PORTA;
        bit = (uint8_t)(1u << valve);
    } else {
        port = &PORTC;
        bit = (uint8_t)(0x80u >> (valve - 8));
    }
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        /* The stop's own interrupt may have come in between. */
        if (on && !hal_estop_pressed())
            *port |= bit;
        else
            *port &= (uint8_t)~bit;
    }
}

void hal_master(bool on)
{
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        if (on)
            PORTL |= MASTER_PINS;
        else
            PORTL &= (uint8_t)~MASTER_PINS;
    }
}

void hal_all_off(void)
{
    PORTA = 0;
    PORTC = 0;
    hal_master(false);
}

/* Inputs */

ISR(INT4_vect)
{
    uint8_t pins = PINE; /* before B has turned */

    wheel_stamp = TCNT1;
    if (pins & WHEEL_B_PIN)
        wheel_count--;
    else
        wheel_count++;
}

void hal_wheel(struct wheel_reading *reading)
{
    uint16_t stamp;

    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        reading->count = wheel_count;
        stamp = wheel_stamp;
    }
    reading->tick = tick_of(stamp);
}

ISR(INT5_vect)
{
    safety_estop_interrupt();
}

bool hal_estop_pressed(void)
{
    return (PINE & ESTOP_PIN) != 0;
}

ISR(INT2_vect)
{
    strobe_stamp = TCNT1;
    strobe_count = wheel_count;
    strobe_number++;
    strobe_waits = true;
}

bool hal_strobe(struct strobe_reading *reading)
{
    uint16_t stamp;

    if (!strobe_waits)
        return false;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        strobe_waits = false;
        stamp = strobe_stamp;
        reading->count = strobe_count;
        reading->number = (uint16_t)(strobe_number - 1u);
    }
    reading->tick = tick_of(stamp);
    return true;
}

ISR(INT3_vect)
{
    flow_count++;
}

uint16_t hal_flow_pulses(void)
{
    uint16_t count;

    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        count = flow_count;
    }
    return count;
}

/* One conversion at a time; true once the one for this input is done. */
static bool convert(uint8_t channel, uint8_t valve, uint16_t *millivolts)
{
    static uint8_t running = 0xFF;
    uint8_t wanted = (uint8_t)(channel << 4 | valve);

    if (ADCSRA & _BV(ADSC))
        return false;
    if (running != wanted) {
        running = wanted;
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
        {
            PORTL = (uint8_t)((PORTL & (uint8_t)~MUX_PINS) | (uint8_t)(valve << 4));
        }
        ADMUX = (uint8_t)(_BV(REFS0) | channel);
        ADCSRA |= _BV(ADSC);
        return false;
    }
    running = 0xFF;
    *millivolts = (uint16_t)(ADC * ADC_REFERENCE_MV / 1024u);
    return true;
}

bool hal_pressure_mv(uint16_t *millivolts)
{
    return convert(PRESSURE_CHANNEL, 0, millivolts);
}

bool hal_coil_mv(uint8_t valve, uint16_t *millivolts)
{
    return convert(COIL_CHANNEL, valve, millivolts);
}

/* The serial port */

ISR(USART0_RX_vect)
{
    uint16_t stamp = TCNT1;
    uint8_t byte = UDR0;

    if ((uint8_t)(rx_in - rx_out) == 0xFF)
        return; /* full: the checksum will tell */
    if (byte == 0)
        delimiter_stamps[delimiters_in++ % 16u] = stamp;
    rx_buffer[rx_in++] = byte;
}

bool hal_receive(uint8_t *byte)
{
    if (rx_out == rx_in)
        return false;
    *byte = rx_buffer[rx_out++];
    if (*byte == 0) {
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
        {
            delimiter_stamp = delimiter_stamps[delimiters_out++ % 16u];
        }
    }
    return true;
}

uint32_t hal_delimiter_tick(void)
{
    return tick_of(delimiter_stamp);
}

ISR(USART0_UDRE_vect)
{
    if (tx_out == tx_in)
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
    else
        UDR0 = tx_buffer[tx_out++];
}

uint16_t hal_send_room(void)
{
    return (uint8_t)(tx_out - tx_in - 1);
}

uint32_t hal_send_tick(void)
{
    uint8_t pending = (uint8_t)(tx_in - tx_out);
    uint32_t wait = pending * BYTE_TICKS;

    return hal_tick() + (wait > ANSWER_TICKS ? wait : ANSWER_TICKS);
}

void hal_send(const uint8_t *data, uint8_t length)
{
    while (length--)
        tx_buffer[tx_in++] = *data++;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        UCSR0B |= _BV(UDRIE0);
    }
}

/* Start */

/* The watchdog stays on after it has bitten; off before the start-up takes long. */
static uint8_t reset_flags __attribute__((section(".noinit")));

void keep_reset_flags(void) __attribute__((naked, used, section(".init3")));
void keep_reset_flags(void)
{
    reset_flags = MCUSR;
    MCUSR = 0;
    wdt_disable();
}

static enum cause reset_cause(void)
{
    if (reset_flags & _BV(WDRF))
        return CAUSE_WATCHDOG;
    if ((reset_flags & (_BV(BORF) | _BV(PORF))) == _BV(BORF))
        return CAUSE_BROWN_OUT;
    return CAUSE_BOOT;
}

static uint16_t next_boot(void)
{
    uint16_t boot = (uint16_t)(eeprom_read_word(&boot_cell) + 1u);

    if (boot == 0)
        boot = 1;
    eeprom_update_word(&boot_cell, boot);
    return boot;
}

static void set_up_pins(void)
{
    hal_all_off();
    DDRA = 0xFF;
    DDRC = 0xFF;
    DDRL = MASTER_PINS | MUX_PINS;
    EICRA = _BV(ISC21) | _BV(ISC20) | _BV(ISC31) | _BV(ISC30);
    EICRB = _BV(ISC41) | _BV(ISC40) | _BV(ISC51) | _BV(ISC50);
    PORTE |= ESTOP_PIN | _BV(PE4) | WHEEL_B_PIN;
    PORTD |= _BV(PD2) | _BV(PD3);
    EIFR = _BV(INTF2) | _BV(INTF3) | _BV(INTF4) | _BV(INTF5);
    EIMSK = _BV(INT2) | _BV(INT3) | _BV(INT4) | _BV(INT5);
}

static void set_up_serial(void)
{
    UCSR0A = _BV(U2X0);
    UBRR0 = (uint16_t)(F_CPU / 8 / BOARD_BAUD - 1);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXCIE0) | _BV(RXEN0) | _BV(TXEN0);
}

static void set_up_adc(void)
{
    DIDR0 = _BV(ADC0D) | _BV(ADC1D);
    ADMUX = _BV(REFS0);
    /* 125 kHz: a conversion takes 104 us. */
    ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
}

static void set_up_clock(void)
{
    TCCR1A = 0;
    TCCR1B = _BV(CS11) | _BV(CS10); /* by 64 */
    OCR1A = (uint16_t)(TCNT1 + TICKS_PER_MS);
    TIMSK1 = _BV(OCIE1A);
}

int main(void)
{
    set_up_pins();
    set_up_serial();
    set_up_adc();
    set_up_clock();
    controller_init(next_boot(), reset_cause());
    wdt_enable(WDTO_250MS);
    sei();
    for (;;) {
        controller_poll();
        wdt_reset();
    }
}
