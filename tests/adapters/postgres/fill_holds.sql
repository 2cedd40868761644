-- Adds 60,000 holds to the ledger that fill.sql fills, at the sequences of its transactions: all of 1.00 EUR, from a
-- wallet to the bank, and released; but every 10,000th from the rare account, open, and expiring an hour later. Every
-- other transaction captures from the hold at 10,000 and reverses the transaction there; one in 10,000 those at 20,000.
INSERT INTO holds (organisation_id, ledger_id, sequence, id, reference, description, metadata, expires_at, placed_at,
                   status, entries)
SELECT organisation_id, ledger_id, sequence, gen_random_uuid(), 'hold-' || sequence, '', '{}',
       recorded_at + interval '1 hour', recorded_at, CASE WHEN sequence % 10000 = 0 THEN 'open' ELSE 'released' END, 2
FROM transactions WHERE ledger_id = :ledger;

INSERT INTO hold_entries (organisation_id, ledger_id, sequence, position, account_number, is_debit, asset, amount)
SELECT organisation_id, ledger_id, sequence, position,
       CASE WHEN position = 0 THEN 2 WHEN sequence % 10000 = 0 THEN 3 ELSE 4 + sequence % 1998 END, position = 0,
       'EUR', 100
FROM holds CROSS JOIN generate_series(0, 1) AS position WHERE ledger_id = :ledger;

INSERT INTO remainders (organisation_id, ledger_id, of_sequence, account_number, is_debit, asset, sequence, remaining)
SELECT organisation_id, ledger_id, 10000, account_number, account_number = 2, 'EUR', sequence, 50
FROM transactions CROSS JOIN (VALUES (2), (3)) AS sides (account_number)
WHERE ledger_id = :ledger AND sequence > 10000 AND sequence % 2 = 0;

UPDATE transactions
SET hold_sequence = CASE WHEN sequence % 2 = 0 THEN 10000 ELSE 20000 END,
    reverses = CASE WHEN sequence % 2 = 0 THEN 10000 ELSE 20000 END
WHERE ledger_id = :ledger AND (sequence % 2 = 0 OR sequence % 10000 = 1);
