-- Fills a ledger in which nothing was but its creation, at sequence 1, with what no test could post: 2,000 accounts and
-- 60,000 transactions. Accounts come first, one each second: the bank, one that is rarely used, and users' wallets.
-- Each transaction, one a second, is of 1.00 EUR from a wallet to the bank; every 10,000th is rare, and is of
-- 1.00 RARE from the rare account. The later one is recorded, the longer ago it was effective.
INSERT INTO assets (organisation_id, ledger_id, code, scale, version)
SELECT :organisation, :ledger, code, 2, 1 FROM unnest(ARRAY['EUR', 'RARE']) AS assets (code);

INSERT INTO event_log (organisation_id, stream_id, sequence, recorded_at, hash, content)
SELECT :organisation, :ledger, sequence, :beginning + sequence * interval '1 second', sha256(''), ''
FROM generate_series(2, 62001) AS sequence;

INSERT INTO accounts (organisation_id, ledger_id, number, path, type, status, metadata, version, opened_at)
SELECT organisation_id, stream_id, sequence,
       CASE sequence WHEN 2 THEN 'assets:bank' WHEN 3 THEN 'equity:rare' ELSE 'users:' || sequence || '\:wallet' END,
       'liability', 'open', '{}', 1, recorded_at
FROM event_log WHERE stream_id = :ledger AND sequence BETWEEN 2 AND 2001;

INSERT INTO transactions (organisation_id, ledger_id, sequence, id, reference, description, kind, effective_at,
                          recorded_at, metadata, version)
SELECT organisation_id, stream_id, sequence, gen_random_uuid(),
       CASE WHEN sequence % 10000 = 0 THEN 'rare-' || sequence WHEN sequence % 2 = 0 THEN 'order-' || sequence END,
       '', 'ordinary', :beginning - sequence * interval '1 second', recorded_at, '{}', 1
FROM event_log WHERE stream_id = :ledger AND sequence > 2001;

INSERT INTO metadata_values (organisation_id, ledger_id, subject, digest, sequence)
SELECT :organisation, :ledger, 'account', digest, number
FROM accounts CROSS JOIN (VALUES (:digest_all, 1), (:digest_rare, 500)) AS filed (digest, every)
WHERE ledger_id = :ledger AND number % every = 0;

INSERT INTO metadata_values (organisation_id, ledger_id, subject, digest, sequence)
SELECT :organisation, :ledger, 'transaction', digest, sequence
FROM transactions CROSS JOIN (VALUES (:digest_all, 1), (:digest_even, 2), (:digest_rare, 10000)) AS filed (digest, every)
WHERE ledger_id = :ledger AND sequence % every = 0;

INSERT INTO entries (organisation_id, ledger_id, account_number, sequence, position, is_debit, asset, amount,
                     posted_debits, posted_credits, balance_version, latest_effective_at, late, is_milestone)
SELECT :organisation, :ledger, number, sequence, position, position = 0, asset, 100,
       CASE position WHEN 0 THEN 100 * so_many ELSE 0 END, CASE position WHEN 1 THEN 100 * so_many ELSE 0 END, so_many,
       first_effective_at, so_many - 1, so_many % 64 = 0
FROM (
    SELECT *, row_number() OVER so_far AS so_many, first_value(effective_at) OVER so_far AS first_effective_at
    FROM (
        SELECT sequence, effective_at, position, CASE WHEN is_rare THEN 'RARE' ELSE 'EUR' END AS asset,
               CASE WHEN position = 0 THEN 2 WHEN is_rare THEN 3 ELSE 4 + sequence % 1998 END AS number
        FROM transactions
        CROSS JOIN generate_series(0, 1) AS position
        CROSS JOIN LATERAL (SELECT sequence % 10000 = 0) AS rarity (is_rare)
        WHERE ledger_id = :ledger
    ) AS lines
    WINDOW so_far AS (PARTITION BY number, asset ORDER BY sequence)
) AS numbered;
