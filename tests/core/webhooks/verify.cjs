// Reads lines of base64 JSON arrays [document, signature, secret] and answers whether the documented verifier
// of rooms accepts each; or, for a plain base64 document, what JSON.stringify makes of it.
const crypto = require('crypto');

function verifyWebhook(payload, signature, secret) {
  const expectedSignature = crypto
    .createHmac('sha256', secret)
    .update(JSON.stringify(payload))
    .digest('hex');

  return crypto.timingSafeEqual(
    Buffer.from(signature),
    Buffer.from(expectedSignature)
  );
}

const decode = (text) => Buffer.from(text, 'base64').toString('utf8');
let waiting = '';
process.stdin.setEncoding('latin1');
process.stdin.on('data', (chunk) => {
  const lines = (waiting + chunk).split('\n');
  waiting = lines.pop();
  for (const line of lines) {
    const [document, signature, secret] = line.split(' ');
    const payload = JSON.parse(decode(document));
    const answer = signature
      ? String(verifyWebhook(payload, signature, secret))
      : Buffer.from(JSON.stringify(payload), 'utf8').toString('base64');
    process.stdout.write(answer + '\n');
  }
});
