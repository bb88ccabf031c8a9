// rooms.md's integration examples, letter for letter but for host, token and ids.
// Usage: API=<origin> TOKEN=<token> INPUT=<json> node snippets.cjs <name>; prints JSON.
const http = require('http');
const crypto = require('crypto');

const { API, TOKEN, WEBHOOK } = process.env;
const INPUT = JSON.parse(process.env.INPUT);

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

// As much of express as the examples use.
function listen(onReady) {
  const routes = {};
  const app = { post: (path, handler) => { routes[path] = handler; } };
  const server = http.createServer((req, raw) => {
    let text = '';
    req.on('data', (chunk) => { text += chunk; });
    req.on('end', () => {
      req.body = JSON.parse(text);
      const res = {
        code: 200,
        status(code) { this.code = code; return this; },
        json(value) { raw.writeHead(this.code, { 'Content-Type': 'application/json' }); raw.end(JSON.stringify(value)); },
      };
      routes[req.url](req, res);
    });
  });
  server.listen(0, '127.0.0.1', () => onReady(app, `http://127.0.0.1:${server.address().port}`, server));
}

const examples = {
  async focusmate(session) {
    const response = await fetch(`${API}/api/v1/rooms`, {
      method: 'POST',
      headers: {
        'Authorization': `Bearer ${TOKEN}`,
        'Content-Type': 'application/json'
      },
      body: JSON.stringify({
        name: 'Focusmate Session',
        description: 'Synced from Focusmate',
        room_type: 'video',
        is_public: false,
        max_participants: 2,
        scheduled_start: session.start_time,
        scheduled_end: session.end_time,
        external_service_id: session.id,
        external_service_name: 'focusmate',
        webhook_url: WEBHOOK
      })
    });
    return { status: response.status, body: await response.json() };
  },

  async studyTogether(studyRoom) {
    const mappings = [];
    const db = { roomMappings: { create: async (mapping) => mappings.push(mapping) } };
    const API_TOKEN = TOKEN;
    const createNeurotypeRoom = async (studyRoom) => {
      const response = await fetch(`${API}/api/v1/rooms`, {
        method: 'POST',
        headers: {
          'Authorization': `Bearer ${API_TOKEN}`,
          'Content-Type': 'application/json'
        },
        body: JSON.stringify({
          name: studyRoom.name,
          description: studyRoom.description,
          room_type: 'silent',
          is_public: true,
          max_participants: studyRoom.capacity,
          tags: studyRoom.tags,
          external_service_id: studyRoom.id,
          external_service_name: 'study-together',
          webhook_url: WEBHOOK
        })
      });
      
      const { data } = await response.json();
      
      // Store mapping
      await db.roomMappings.create({
        study_together_id: studyRoom.id,
        neurotype_id: data.id
      });
    };
    await createNeurotypeRoom(studyRoom);
    return mappings;
  },

  // The Focusmate service's webhook endpoint; ends once the room's session is complete.
  focusmateWebhook() {
    return new Promise((resolve) => {
      listen(async (app, origin, server) => {
        const calls = [];
        let WEBHOOK_SECRET;
        const updateFocusmateSession = async (room, change) => calls.push([room, change]);
        const markFocusmateSessionComplete = async (room) => {
          calls.push([room, 'complete']);
          setTimeout(() => { server.close(); server.closeAllConnections(); resolve(calls); }, 100);
        };
        app.post('/webhooks/neurotype', async (req, res) => {
          const { event, room_id, user_id, data } = req.body;
          const signature = req.headers['x-webhook-signature'];
          
          // Verify signature
          if (!verifyWebhook(req.body, signature, WEBHOOK_SECRET)) {
            return res.status(401).json({ error: 'Invalid signature' });
          }
          
          // Handle event
          switch (event) {
            case 'participant.joined':
              await updateFocusmateSession(room_id, {
                partner_joined: true,
                partner_id: user_id
              });
              break;
              
            case 'room.ended':
              await markFocusmateSessionComplete(room_id);
              break;
          }
          
          res.json({ received: true });
        });
        const headers = { 'Authorization': `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
        const body = JSON.stringify({ name: 'Theirs' });
        const created = await (await fetch(`${API}/api/v1/rooms`, { method: 'POST', headers, body })).json();
        const room = `${API}/api/v1/rooms/${created.data.id}`;
        const hook = JSON.stringify({ service_name: 'focusmate', webhook_url: `${origin}/webhooks/neurotype` });
        const integration = await (await fetch(`${room}/integrations`, { method: 'POST', headers, body: hook })).json();
        WEBHOOK_SECRET = integration.data.webhook_secret;
        await fetch(`${room}/join`, { method: 'POST', headers, body: '{"camera_enabled":true}' });
        await fetch(`${room}/end`, { method: 'POST', headers });
      });
    });
  },

  // Both directions; ends once a participant has been added at the Flow Club.
  flowClub(flowSession) {
    return new Promise((resolve) => {
      listen(async (app, origin, server) => {
        const headers = { 'Authorization': `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
        const createOrUpdateNeurotypeRoom = async (room) => {
          const body = JSON.stringify({ ...room, webhook_url: `${origin}/webhooks/neurotype` });
          return (await (await fetch(`${API}/api/v1/rooms`, { method: 'POST', headers, body })).json()).data;
        };
        const flowClubAPI = {
          addParticipant: async (session, user) => {
            setTimeout(() => { server.close(); server.closeAllConnections(); resolve({ session, user }); }, 100);
          },
        };
        const syncFlowSession = async (flowSession) => {
          const neurotypeRoom = await createOrUpdateNeurotypeRoom({
            name: flowSession.title,
            room_type: 'video',
            scheduled_start: flowSession.start_time,
            scheduled_end: flowSession.end_time,
            external_service_id: flowSession.id,
            external_service_name: 'flow-club'
          });
          
          // Neurotype → Flow Club webhook handler
          app.post('/webhooks/neurotype', async (req, res) => {
            const { event, data } = req.body;
            
            if (event === 'participant.joined') {
              await flowClubAPI.addParticipant(
                data.room.external_service_id,
                data.participant.user_id
              );
            }
            
            res.json({ received: true });
          });
          return neurotypeRoom;
        };
        const room = await syncFlowSession(flowSession);
        await fetch(`${API}/api/v1/rooms/${room.id}/join`, { method: 'POST', headers });
      });
    });
  },
};

examples[process.argv[2]](INPUT).then((result) => console.log(JSON.stringify(result)));
