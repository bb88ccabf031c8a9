// A receiver of webhooks that knows nothing but rooms.md: it parses the body and calls the documented verifier.
// Paths are hooks; PUT /secrets/<hook> sets a hook's secret, GET /results lists what came.
const crypto = require('crypto');
const http = require('http');

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

const secrets = {};
const results = [];

function answer(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

function receive(path, headers, text) {
  const payload = JSON.parse(text);
  let accepted = false;
  try {
    accepted = verifyWebhook(payload, headers['x-webhook-signature'], secrets[path]);
  } catch (error) {
    accepted = false;
  }
  results.push({ path, accepted, id: headers['webhook-id'], event: payload.event, payload });
  return accepted;
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString();
    if (request.method === 'PUT') {
      secrets[request.url.replace('/secrets', '')] = text;
      return answer(response, 200, {});
    }
    if (request.method === 'GET') {
      return answer(response, 200, results);
    }
    const accepted = receive(request.url, request.headers, text);
    return answer(response, accepted ? 200 : 401, { received: accepted });
  });
});
server.keepAliveTimeout = 60000;
server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => console.log(server.address().port));
