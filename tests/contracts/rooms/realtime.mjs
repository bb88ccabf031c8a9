// rooms.md's real-time snippet, but for URL, key and room; prints each change and ends after COUNT of them.
import { createClient } from '@supabase/supabase-js';
import WebSocket from 'ws';

const { SUPABASE_URL, SUPABASE_KEY, COUNT } = process.env;
const roomId = process.env.ROOM;
let left = Number(COUNT);

const supabase = createClient(SUPABASE_URL, SUPABASE_KEY, {
  realtime: { transport: WebSocket },
  auth: { persistSession: false, autoRefreshToken: false },
});

// Subscribe to room participants
const channel = supabase
  .channel(`room:${roomId}`)
  .on(
    'postgres_changes',
    {
      event: '*',
      schema: 'public',
      table: 'room_participants',
      filter: `room_id=eq.${roomId}`
    },
    (payload) => {
      console.log(JSON.stringify(payload));
      left -= 1;
      if (left === 0) {
        // Cleanup
        channel.unsubscribe();
        supabase.removeAllChannels().then(() => process.exit(0));
      }
    }
  )
  .subscribe((status, error) => console.log(JSON.stringify({ status, error: error && String(error) })));
